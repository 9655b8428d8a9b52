import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeBytes } from '../dispatch/memory';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_register_shared_queue')
declare function proxy_register_shared_queue(name: usize, size: i32, outId: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_resolve_shared_queue')
declare function proxy_resolve_shared_queue(vm: usize, vmSize: i32, name: usize, size: i32, outId: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_enqueue_shared_queue')
declare function proxy_enqueue_shared_queue(id: u32, data: usize, size: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_dequeue_shared_queue')
declare function proxy_dequeue_shared_queue(id: u32, outAddress: usize, outSize: usize): Status;

/**
 * Messages that any instance of a plugin may append, in any worker, and that are taken out once each, in their order. Who
 * registers a queue is told of messages by `Plugin.onQueueReady`: of all instances that did, the last one.
 *
 * A queue holds 256 KiB; then the oldest messages make room. It is gone when the gateway stops.
 * @example at the top level
 * class Shipper extends Plugin {
 *   private lines: SharedQueue | null = null;
 *
 *   onConfigure(configuration: string): bool {
 *     this.lines = SharedQueue.register('lines');
 *     return true;
 *   }
 *
 *   onQueueReady(queue: SharedQueue): void {
 *     const line = queue.dequeue();
 *     if (line) log.info(fromUtf8(line));
 *   }
 *
 *   createFilter(): HttpFilter {
 *     return new LineFilter(this.lines);
 *   }
 * }
 *
 * class LineFilter extends HttpFilter {
 *   constructor(private lines: SharedQueue | null) {
 *     super();
 *   }
 *
 *   onLog(): void {
 *     const lines = this.lines;
 *     if (lines) lines.enqueue(utf8(this.request.get(':path') || ''));
 *   }
 * }
 */
@final
export class SharedQueue {
  /** @internal */
  constructor(
    /** The queue's number, the same in all workers. */
    readonly id: u32,
  ) {}

  /**
   * Opens a queue of the plugin's own, made if need be, and asks to be told of its messages. Call it in `onConfigure`.
   * Null when the host has no queues.
   * @example in a plugin
   * const jobs = SharedQueue.register('jobs');
   * if (!jobs) return this.refuse('the host has no queues');
   */
  static register(name: string): SharedQueue | null {
    const bytes = utf8(name);
    const status = proxy_register_shared_queue(changetype<usize>(bytes), bytes.byteLength, OUT_NUMBER);
    return status == Status.Ok ? new SharedQueue(load<u32>(OUT_NUMBER)) : null;
  }

  /**
   * Finds a queue that somebody has registered, without being told of its messages; null when there is none.
   * @param plugin whose it is, for another plugin of the tenant; `''` = this one
   * @example
   * const jobs = SharedQueue.find('jobs', 'shipper');
   * if (jobs) jobs.enqueue(utf8('a job'));
   */
  static find(name: string, plugin: string = ''): SharedQueue | null {
    const owner = utf8(plugin);
    const bytes = utf8(name);
    const status = proxy_resolve_shared_queue(
      changetype<usize>(owner), owner.byteLength, changetype<usize>(bytes), bytes.byteLength, OUT_NUMBER,
    );
    return status == Status.Ok ? new SharedQueue(load<u32>(OUT_NUMBER)) : null;
  }

  /**
   * Appends a message; `NotFound` when the queue is gone. One that is too large for the queue is dropped.
   * @example
   * const jobs = SharedQueue.find('jobs');
   * if (!jobs || jobs.enqueue(utf8('a job')) != Status.Ok) log.warn('nobody takes jobs');
   */
  enqueue(message: ArrayBuffer): Status {
    return proxy_enqueue_shared_queue(this.id, changetype<usize>(message), message.byteLength);
  }

  /**
   * Takes the first message out; null when there is none, or the queue is gone.
   * @example
   * const jobs = SharedQueue.find('jobs');
   * const job = jobs ? jobs.dequeue() : null;
   * if (job) log.info(fromUtf8(job));
   */
  dequeue(): ArrayBuffer | null {
    return proxy_dequeue_shared_queue(this.id, OUT_ADDRESS, OUT_SIZE) == Status.Ok ? takeBytes() : null;
  }
}
