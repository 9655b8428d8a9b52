// The real server and the official Java client.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nacosAdmin, startProvider, startRealNacos } from './real-server.ts';
import type { NacosStarter } from './target.ts';

export const startJavaTarget: NacosStarter = async ({ auth, directory }) => {
  const nacos = await startRealNacos(auth === undefined ? {} : { auth });
  const { server, version, address, home } = nacos;
  const admin = nacosAdmin(address, auth);
  return {
    server,
    version,
    address,
    provider: () => startProvider({ address, ...auth }),
    edit: async (change) => {
      await admin.edit(change);
    },
    createNamespace: (id) => admin.createNamespace(id),
    down: () => nacos.down('SIGKILL'),
    up: () => nacos.up(),
    stop: async () => {
      await nacos.down();
      mkdirSync(directory, { recursive: true });
      cpSync(join(home, 'server.log'), join(directory, 'server.log'));
      cpSync(join(home, 'nacos', 'logs'), join(directory, 'logs'), { recursive: true });
      await nacos.stop();
    },
  };
};
