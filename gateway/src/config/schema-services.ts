import { Type } from 'typebox';
import { described, HostPort, ServiceName, strict } from './schema-common.ts';

const FileEndpoint = Type.Object(
  {
    address: described(HostPort, 'host:port; the host may be a name'),
    weight: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 10_000,
      description: 'share of traffic relative to the others; 0: gets none',
    }),
    healthy: Type.Boolean({ default: true, description: 'false: listed, but not picked' }),
    cluster: Type.String({ default: '', maxLength: 255, description: 'zone or room' }),
    metadata: Type.Record(Type.String(), Type.String(), { default: {}, description: 'decides which lanes it serves' }),
  },
  strict,
);

const FileService = Type.Object(
  {
    namespace: Type.Optional(Type.String({ minLength: 1, description: 'answers for this namespace only' })),
    group: Type.Optional(Type.String({ minLength: 1, description: 'answers for this group only' })),
    endpoints: Type.Array(FileEndpoint, { description: 'may be empty' }),
  },
  strict,
);

/** The file of a registry of type `file`. */
export const ServicesSchema = Type.Object(
  { services: Type.Record(ServiceName, FileService, { description: 'by name' }) },
  strict,
);
