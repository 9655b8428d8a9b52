import { type EndpointRecord, parseAddress } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { formatProblem, type Problem } from './problem.ts';
import { deepFreeze, readConfig } from './read.ts';
import type { Report } from './report.ts';
import { checkAddresses } from './rules.ts';
import { ServicesSchema } from './schema-services.ts';

/** One service of a services file. Without namespace or group it answers for all. */
export interface FileService {
  readonly namespace?: string | undefined;
  readonly group?: string | undefined;
  readonly endpoints: readonly EndpointRecord[];
}

export interface ParsedServices {
  /** By name; null when there is any problem. */
  readonly services: ReadonlyMap<string, FileService> | null;
  readonly problems: readonly Problem[];
}

/** Parses the file of a registry of type `file`. It has neither secrets nor variables. */
export function parseServicesFile(file: string, text: string): ParsedServices {
  const reading = readConfig(ServicesSchema, file, text, () => ({
    env: null,
    secretsDirectory: null,
    readSecret: null,
  }));
  const services = new Map<string, FileService>();
  for (const [name, service] of Object.entries(reading.decoded?.services ?? {})) {
    checkEndpoints(name, service.endpoints, reading.report);
    const endpoints = service.endpoints.flatMap(({ address, ...rest }) => {
      const parsed = parseAddress(address);
      return parsed === null ? [] : [{ ...parsed, ...rest }];
    });
    services.set(name, deepFreeze({ ...service, endpoints }));
  }
  const problems = reading.problems();
  return { services: problems.length === 0 ? services : null, problems };
}

/** The same for who wants services or an error. @throws GatewayError SLUICE_CONFIG_INVALID that lists every problem. */
export function readServicesFile(file: string, text: string): ReadonlyMap<string, FileService> {
  const { services, problems } = parseServicesFile(file, text);
  if (services === null) throw new GatewayError('SLUICE_CONFIG_INVALID', problems.map(formatProblem).join('\n'));
  return services;
}

function checkEndpoints(name: string, endpoints: readonly { readonly address: string }[], report: Report): void {
  const path = ['services', name, 'endpoints'];
  if (endpoints.length > LIMITS.endpointsPerService) {
    const message = `the service has ${endpoints.length} endpoints`;
    report.add(path, 'SLUICE_CONFIG_TOO_LARGE', message, `give at most ${LIMITS.endpointsPerService}`);
  }
  checkAddresses(endpoints, path, report);
}
