import { randomBytes } from 'node:crypto';
import type { TlsConfig } from '../config/schema-listener.ts';

/** The key for session tickets, its name included, as Node wants it. */
const KEY_BYTES = 48;

interface Key {
  bytes: Buffer;
  rotation: number;
  madeAt: number;
  timer: NodeJS.Timeout;
}

/** Keys of session tickets, one for each listener, made anew as often as its configuration says. */
export class TicketKeys {
  readonly #onRotated: () => void;
  readonly #keys = new Map<string, Key>();

  constructor(onRotated: () => void) {
    this.#onRotated = onRotated;
  }

  /** The key of a listener now; made when it has none. */
  get(listener: string, { ticketRotation }: TlsConfig): Uint8Array {
    const key = this.#keys.get(listener) ?? this.#make(listener, ticketRotation);
    if (key.rotation !== ticketRotation) this.#reschedule(listener, key, ticketRotation);
    return key.bytes;
  }

  /** Forgets the keys of all other listeners. */
  retain(listeners: ReadonlySet<string>): void {
    for (const [listener, { timer }] of this.#keys) {
      if (listeners.has(listener)) continue;
      clearTimeout(timer);
      this.#keys.delete(listener);
    }
  }

  close(): void {
    this.retain(new Set());
  }

  #make(listener: string, rotation: number): Key {
    const key = {
      bytes: randomBytes(KEY_BYTES),
      rotation,
      madeAt: performance.now(),
      timer: this.#timer(listener, rotation),
    };
    this.#keys.set(listener, key);
    return key;
  }

  #reschedule(listener: string, key: Key, rotation: number): void {
    clearTimeout(key.timer);
    key.rotation = rotation;
    key.timer = this.#timer(listener, Math.max(0, key.madeAt + rotation - performance.now()));
  }

  #timer(listener: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#rotate(listener), ms).unref();
  }

  #rotate(listener: string): void {
    const key = this.#keys.get(listener)!;
    key.bytes = randomBytes(KEY_BYTES);
    key.madeAt = performance.now();
    key.timer = this.#timer(listener, key.rotation);
    this.#onRotated();
  }
}
