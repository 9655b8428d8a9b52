// A Nacos server as the cases see it, whichever it is.
import type { InstanceEdit, Login, NacosAdmin } from './nacos-admin.ts';
import type { Provider } from './java-provider.ts';

export interface NacosTarget {
  readonly server: string;
  readonly version: string;
  /** `127.0.0.1:PORT` of the HTTP port; the same after `down` and `up`. */
  readonly address: string;
  /** A service provider that is not the gateway's own client. */
  provider(): Provider;
  /** Changes an instance as the console does; resolves when the server shows the change. */
  edit(change: InstanceEdit): Promise<void>;
  createNamespace: NacosAdmin['createNamespace'];
  /** kill -9. */
  down(): Promise<void>;
  /** Starts it again with the same ports; providers come back by themselves. */
  up(): Promise<void>;
  /** Ends it and leaves its logs in the directory it was started with. */
  stop(): Promise<void>;
}

export interface NacosTargetOptions {
  /** Switches password login on; the name must be `nacos`. */
  readonly auth?: Login;
  /** Takes the server's logs. */
  readonly directory: string;
}

/** Starts a server. */
export type NacosStarter = (options: NacosTargetOptions) => Promise<NacosTarget>;
