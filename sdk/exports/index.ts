/**
 * Every callback but those of bodies and trailers: `export * from '@sluice/plugin-sdk/exports'` in the plugin's entry file.
 * What passes through a body callback has to be taken apart and put together by the gateway, so those stand beside it:
 * `request-body`, `response-body`, `request-trailers`, `response-trailers`.
 */
export * from './core';
export * from './request';
export * from './response';
export * from './log';
export * from './tick';
export * from './callout';
