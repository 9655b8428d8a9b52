// What an operator does in the Nacos console, through the server's HTTP API (v3, Nacos 3.x).
import { setTimeout as sleep } from 'node:timers/promises';

export interface Login {
  username: string;
  password: string;
}

/** Which service; namespace defaults to `public`, group to `DEFAULT_GROUP`. */
export interface ServiceName {
  service: string;
  group?: string;
  namespace?: string;
}

/** An instance as the server lists it. */
export interface ListedInstance {
  ip: string;
  port: number;
  weight: number;
  healthy: boolean;
  enabled: boolean;
  ephemeral: boolean;
  clusterName: string;
  metadata: Record<string, string>;
}

/**
 * What to change; what is absent keeps its value. Keys of `metadata` are added or changed: the server merges them over
 * what the provider registered, so a key that the provider registered cannot be taken away.
 */
export interface InstanceEdit extends ServiceName {
  ip: string;
  port: number;
  weight?: number;
  enabled?: boolean;
  metadata?: Record<string, string>;
}

export interface NacosAdmin {
  /**
   * All instances with disabled ones. Empty when the service is unknown or has none. The server answers from what it
   * last computed for a push, so a change shows up about 600 ms after it was made.
   */
  list(name: ServiceName): Promise<ListedInstance[]>;
  /** Lists every 10 ms until `test` is true; resolves to that list, rejects after `withinMs` (default 10 000). */
  listUntil(name: ServiceName, test: (all: ListedInstance[]) => boolean, withinMs?: number): Promise<ListedInstance[]>;
  /**
   * Changes an instance as the console does: all three fields are sent, and from then on they win over what the provider
   * registers, for as long as the server remembers the edit. Waits for the instance to be listed first. Resolves when the
   * list shows the change, within 10 s or rejects. `acceptedAt` and `visibleAt` are wall clock ms: the request was
   * answered, the list showed it.
   */
  edit(edit: InstanceEdit): Promise<{ acceptedAt: number; visibleAt: number }>;
  /** Creates a namespace; `id` is what clients use. Rejects if it exists. */
  createNamespace(id: string): Promise<void>;
  /** Any call: path below `/nacos`, parameters in the query (GET, DELETE) or form. Resolves to `data`; rejects unless `code` is 0. */
  request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    parameters: Record<string, string>,
  ): Promise<unknown>;
}

export class NacosApiError extends Error {
  readonly status: number;
  readonly code: number | undefined;
  constructor(what: string, status: number, code: number | undefined, detail: string) {
    super(`${what}: HTTP ${status}, code ${code}: ${detail}`);
    this.status = status;
    this.code = code;
  }
}

const requestTimeoutMs = 5_000;
const visibleWithinMs = 10_000;

/** A helper for the server on `address` (`host:port`, the main port). Logs in on first use where `login` is given. */
export function nacosAdmin(address: string, login?: Login): NacosAdmin {
  let token: Promise<string> | undefined;

  async function request(method: string, path: string, parameters: Record<string, string>): Promise<unknown> {
    if (login !== undefined) token ??= logIn(address, login);
    const headers = token === undefined ? {} : { accessToken: await token };
    return call(address, method, path, parameters, headers);
  }

  async function list(name: ServiceName): Promise<ListedInstance[]> {
    try {
      return (await request('GET', '/v3/admin/ns/instance/list', identity(name))) as ListedInstance[];
    } catch (error) {
      if (error instanceof NacosApiError && isNothingThere(error)) return [];
      throw error;
    }
  }

  async function listUntil(
    name: ServiceName,
    test: (all: ListedInstance[]) => boolean,
    withinMs = visibleWithinMs,
  ): Promise<ListedInstance[]> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const all = await list(name);
      if (test(all)) return all;
      if (Date.now() > deadline)
        throw new Error(`${name.service} still lists ${JSON.stringify(all)} after ${withinMs} ms`);
      await sleep(10);
    }
  }

  async function edit(change: InstanceEdit): Promise<{ acceptedAt: number; visibleAt: number }> {
    const isIt = (it: ListedInstance): boolean => it.ip === change.ip && it.port === change.port;
    const current = (await listUntil(change, (all) => all.some(isIt))).find(isIt) as ListedInstance;
    const wanted = {
      weight: change.weight ?? current.weight,
      enabled: change.enabled ?? current.enabled,
      metadata: { ...current.metadata, ...change.metadata },
    };
    await request('PUT', '/v3/admin/ns/instance', {
      ...identity(change),
      ip: change.ip,
      port: String(change.port),
      clusterName: current.clusterName,
      ephemeral: String(current.ephemeral),
      weight: String(wanted.weight),
      enabled: String(wanted.enabled),
      metadata: JSON.stringify(wanted.metadata),
    });
    const acceptedAt = Date.now();
    await listUntil(change, (all) => all.some((it) => isIt(it) && shows(it, wanted)));
    return { acceptedAt, visibleAt: Date.now() };
  }

  async function createNamespace(id: string): Promise<void> {
    await request('POST', '/v3/admin/core/namespace', { namespaceId: id, namespaceName: id });
  }

  return { list, listUntil, edit, createNamespace, request };
}

/** Creates the first administrator, whose name is always `nacos`. Works once, without login. */
export async function createFirstAdmin(address: string, password: string): Promise<void> {
  await call(address, 'POST', '/v3/auth/user/admin', { password }, {});
}

async function logIn(address: string, login: Login): Promise<string> {
  const reply = await send(address, 'POST', '/v3/auth/user/login', { ...login }, {});
  const { accessToken } = (await reply.json()) as { accessToken?: string };
  if (accessToken === undefined)
    throw new NacosApiError('login', reply.status, undefined, 'no accessToken in the answer');
  return accessToken;
}

async function call(
  address: string,
  method: string,
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string>,
): Promise<unknown> {
  const reply = await send(address, method, path, parameters, headers);
  const text = await reply.text();
  const body = parse(text);
  if (body?.code !== 0) {
    throw new NacosApiError(
      `${method} ${path}`,
      reply.status,
      body?.code,
      `${body?.message ?? ''} ${body?.data === undefined ? text : JSON.stringify(body.data)}`.trim(),
    );
  }
  return body.data;
}

function send(
  address: string,
  method: string,
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string>,
): Promise<Response> {
  const url = new URL(`http://${address}/nacos${path}`);
  const form = new URLSearchParams(parameters);
  const inQuery = method === 'GET' || method === 'DELETE';
  if (inQuery) url.search = form.toString();
  return fetch(url, { method, headers, body: inQuery ? null : form, signal: AbortSignal.timeout(requestTimeoutMs) });
}

function parse(text: string): { code?: number; message?: string; data?: unknown } | undefined {
  try {
    return JSON.parse(text) as { code?: number };
  } catch {
    return undefined;
  }
}

function identity(name: ServiceName): Record<string, string> {
  return {
    namespaceId: name.namespace ?? 'public',
    groupName: name.group ?? 'DEFAULT_GROUP',
    serviceName: name.service,
  };
}

/** 3.1.0 answers code 30000 for a service it never saw, and for one whose last instance took its cluster along. */
function isNothingThere(error: NacosApiError): boolean {
  return error.code === 30000 && /(cluster|service) \S+ is not found/.test(error.message);
}

function shows(listed: ListedInstance, wanted: Pick<ListedInstance, 'weight' | 'enabled' | 'metadata'>): boolean {
  const sameMetadata = Object.entries(wanted.metadata).every(([key, value]) => listed.metadata[key] === value);
  return sameMetadata && listed.weight === wanted.weight && listed.enabled === wanted.enabled;
}
