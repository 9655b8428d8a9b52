import { Plugin, register } from '@sluice/plugin-sdk';
import { Marker } from './marker';

export * from '@sluice/plugin-sdk/exports/core';
export * from '@sluice/plugin-sdk/exports/response';

register((): Plugin => new Marker('v1'));
