/** Every callback of the SDK: `export * from '@sluice/plugin-sdk/exports'` in the plugin's entry file. */
export * from '../assembly/exports';
