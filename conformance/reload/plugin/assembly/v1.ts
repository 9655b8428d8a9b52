import { Plugin, register } from '@sluice/plugin-sdk';
import { Marker } from './marker';

register((): Plugin => new Marker('v1'));
