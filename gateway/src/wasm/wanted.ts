import type { WantedPermissions } from './manifest.ts';
import { type PermissionRules, Permissions } from './permissions.ts';

/** Something that an author says his plugin needs, and that the operator does not allow it. */
export interface MissingPermission {
  /** Key of `allow`. */
  readonly permission: keyof WantedPermissions;
  /** What of it; '' where there is nothing to choose. */
  readonly value: string;
  /** What would allow it, to be put below `allow` of the catalogue entry. */
  readonly remedy: string;
}

/** What of the wanted permissions the rules do not allow, in the order of the manifest's keys. */
export function missingPermissions(wanted: WantedPermissions, rules: Partial<PermissionRules>): MissingPermission[] {
  // The gateway's own chain has no services, so that only those that are named count.
  const named = new Permissions('', rules);
  const { tenantServices = true } = rules;
  const services = wanted.services.filter((name) => (name.includes('/') ? !named.mayCall(name) : !tenantServices));
  const own = wanted.tenantServices && !tenantServices ? [''] : [];
  const properties = wanted.properties.filter((path) => !named.mayRead(path));
  const functions = wanted.foreignFunctions.filter((name) => !named.foreign(name));
  const variables = wanted.environment.filter((name) => !Object.hasOwn(named.environment, name));
  const calls = wanted.hostCalls.filter((name) => !named.hostCall(name));
  const clock = wanted.clock === 'precise' && named.coarseClock ? ['precise'] : [];
  return [
    ...services.map((value) => missing('services', value, value.includes('/') ? `services: [${value}]` : OWN_SERVICES)),
    ...own.map((value) => missing('tenantServices', value, OWN_SERVICES)),
    ...properties.map((value) => missing('properties', value, `properties: [${value}]`)),
    ...functions.map((value) => missing('foreignFunctions', value, `foreignFunctions: [${value}]`)),
    ...variables.map((value) => missing('environment', value, `environment: { ${value}: … }`)),
    ...calls.map((value) => missing('hostCalls', value, `hostCalls: { allow: [${value}] }`)),
    ...clock.map((value) => missing('clock', value, 'clock: precise')),
  ];
}

const OWN_SERVICES = 'tenantServices: true';

function missing(permission: MissingPermission['permission'], value: string, line: string): MissingPermission {
  return { permission, value, remedy: line };
}
