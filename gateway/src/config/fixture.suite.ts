import { parseGateway } from './parse-gateway.ts';

/** A gateway for tenants to be checked against. */
export const gateway = parseGateway(
  '/c/gateway.yaml',
  `apiVersion: sluice/v1
listeners: [{ name: http, port: 8080 }]
tenants: { directory: tenants }
registries: { nacos: { type: nacos, servers: ["127.0.0.1:8848"] } }
plugins: [{ name: key-auth, source: "file:p/key-auth.wasm" }]
secrets: { directory: secrets }
`,
).config!;
