// The compiler would read what is imported.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./decorators.d.ts" />
// Types
export { Action } from './assembly/types/action';
export { GrpcCode } from './assembly/types/grpc-code';
export { HeaderList } from './assembly/types/header-list';
export { encodeHeaderName, isHeaderName, isHeaderValue } from './assembly/types/header-text';
export { LogLevel } from './assembly/types/log-level';
export { Status } from './assembly/types/status';
export { fromUtf8, utf8 } from './assembly/types/text';

// Contexts and handlers: what a plugin extends
export { Context } from './assembly/contexts/context';
export { GrpcCallHandler } from './assembly/contexts/grpc-call-handler';
export { GrpcStreamHandler } from './assembly/contexts/grpc-stream-handler';
export { HttpCallHandler } from './assembly/contexts/http-call-handler';
export { HttpFilter } from './assembly/contexts/http-filter';
export { Plugin } from './assembly/contexts/plugin';
export { SharedUpdate } from './assembly/contexts/shared-update';
export { TimerHandler } from './assembly/contexts/timer-handler';

// Host calls: what a plugin asks of the gateway
export { Body } from './assembly/calls/body';
export { Counter } from './assembly/calls/counter';
export { foreign } from './assembly/calls/foreign';
export { ForeignResult } from './assembly/calls/foreign-result';
export { Gauge } from './assembly/calls/gauge';
export { GrpcCall } from './assembly/calls/grpc-call';
export { GrpcStatus } from './assembly/calls/grpc-status';
export { GrpcStream } from './assembly/calls/grpc-stream';
export { HeaderMap } from './assembly/calls/header-map';
export { Histogram } from './assembly/calls/histogram';
export { HttpCall } from './assembly/calls/http-call';
export { HttpCallResponse } from './assembly/calls/http-call-response';
export { log } from './assembly/calls/log';
export { properties } from './assembly/calls/properties';
export { random } from './assembly/calls/random';
export { sharedData } from './assembly/calls/shared-data';
export { SharedQueue } from './assembly/calls/shared-queue';
export { SharedSum } from './assembly/calls/shared-sum';
export { SharedValue } from './assembly/calls/shared-value';
export { time } from './assembly/calls/time';
export { Timer } from './assembly/calls/timer';

// Dispatch: how the gateway finds a plugin
export { register, registerAs } from './assembly/dispatch/registry';

// Configuration
export { JsonKind, JsonValue } from './assembly/json/value';
export { JsonParser } from './assembly/json/parser';
export { ConfiguredPlugin } from './assembly/contexts/configured-plugin';
export { Settings, TextPair } from './assembly/json/settings';
