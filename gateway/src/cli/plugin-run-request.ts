import { readFile } from 'node:fs/promises';
import { reasonOf } from '../config/files.ts';
import type { LoadOptions, TestExchange } from '../testing/options.ts';
import { headerOf, onWire, TOKEN, UsageError } from './explain-request.ts';

/** An exchange as the command line says it. */
export interface ExchangeWords {
  /** `[METHOD] PATH`, or a URL in place of the path; default `GET /`. */
  readonly request: string;
  /** `name: value` each. */
  readonly headers: readonly string[];
  /** Text, or `@` and a file; undefined: none. */
  readonly body: string | undefined;
  readonly responseStatus: string;
  /** `name: value` each. */
  readonly responseHeaders: readonly string[];
  /** As `body`. */
  readonly responseBody: string | undefined;
}

/** @throws UsageError */
export async function readExchange(words: ExchangeWords): Promise<TestExchange> {
  const { method, path, authority, scheme } = requestLine(words.request);
  const headers = words.headers.map((line) => headerOf(line));
  const [, host] = headers.find(([name]) => name.toLowerCase() === 'host') ?? [];
  const body = await bodyOf('--body', words.body);
  const responseBody = await bodyOf('--response-body', words.responseBody);
  const status = statusOf(words.responseStatus);
  const verb = method ?? (body === null ? 'GET' : 'POST');
  if (responseBody !== null && (verb === 'HEAD' || !mayHaveBody(status))) {
    throw new UsageError(
      `--response-body: ${verb === 'HEAD' ? 'an answer to HEAD' : `status ${status}`} has no body; leave it out`,
    );
  }
  return {
    request: {
      method: verb,
      path,
      authority: host ?? authority,
      scheme,
      headers,
      ...(body === null ? {} : { body }),
    },
    upstream: {
      status,
      headers: words.responseHeaders.map((line) => headerOf(line, '--response-header')),
      ...(responseBody === null ? {} : { body: responseBody }),
    },
  };
}

interface RequestLine {
  /** null: it is not said. */
  readonly method: string | null;
  readonly path: string;
  readonly authority: string;
  readonly scheme: 'http' | 'https';
}

function requestLine(text: string): RequestLine {
  const words = text.trim().split(/\s+/);
  const [target = '', method = null] = words.toReversed();
  const wanted = "write a method and a path such as 'POST /status', or a URL";
  if (words.length > 2) throw new UsageError(`--request ${JSON.stringify(text)} has too many words; ${wanted}`);
  if (method !== null && !TOKEN.test(method)) throw new UsageError(`--request: ${method} is no method; ${wanted}`);
  // A path is what the author wrote, not what a browser would make of it: `//a/b` names no host.
  const own = target.startsWith('/');
  const url = URL.parse(own ? 'http://test.example.com' : target);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--request: ${JSON.stringify(target)} is neither a path nor a URL; ${wanted}`);
  }
  const path = own ? target : `${url.pathname}${url.search}`;
  return {
    method: method?.toUpperCase() ?? null,
    path: onWire(path.replace(/#.*$/s, '')),
    authority: url.host,
    scheme: url.protocol === 'https:' ? 'https' : 'http',
  };
}

/** Whether it may be the status of an answer. */
export function isStatus(text: string): boolean {
  return /^[2-5]\d\d$/.test(text);
}

/** Whether answers of this status may have a body. */
export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

function statusOf(text: string): number {
  if (isStatus(text)) return Number(text);
  throw new UsageError(`--response-status ${text} is none; write one from 200 to 599`);
}

/** A body: the text, or what is in the file behind `@`; null: none. @throws UsageError */
export async function bodyOf(option: string, text: string | undefined): Promise<Buffer | null> {
  if (text === undefined) return null;
  return text.startsWith('@') ? await readGiven(option, text.slice(1)) : Buffer.from(text);
}

/** A configuration: JSON, or a file with it. @throws UsageError */
export async function readConfig(text: string | undefined): Promise<LoadOptions['config']> {
  if (text === undefined) return {};
  const given = /^\s*[[{"]/.test(text);
  const json = given ? text : (await readGiven('--config', text)).toString('utf8');
  try {
    return JSON.parse(withoutMark(json)) as unknown;
  } catch (error) {
    const place = given ? '--config' : `--config ${text}`;
    throw new UsageError(`${place} is no JSON (${(error as Error).message}); write a file, or JSON such as '{"a":1}'`);
  }
}

/** Some editors put a byte order mark in front of a file. */
export function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

async function readGiven(option: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(`${option}: ${file} cannot be read (${reasonOf(error)})`);
  }
}
