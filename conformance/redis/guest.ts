// A plugin that hands the body of each request to Redis and answers with the reply, byte by byte.
import { pluginModule } from '../../gateway/src/wasm/wat.suite.ts';

/** What its answers say besides 200: 550 and more, a host call refused with that status; 599, the command failed. */
export const REFUSED = 550;
export const FAILED = 599;

const NAME = 300;
const USER = 310;
const PASSWORD = 320;
/** Context of each command, by its number. */
const OWNERS = 8192;

const span = (slot: number): string => `(i32.load (i32.const ${slot})) (i32.load (i32.const ${slot + 4}))`;

const header = (name: number, length: number, slot: number): string =>
  `(drop (call $get_header_map_value (i32.const 0) (i32.const ${name}) (i32.const ${length}) (i32.const ${slot}) (i32.const ${slot + 4})))`;

const reply = (status: string, body = '(i32.const 0) (i32.const 0)'): string =>
  `(drop (call $send_local_response ${status} (i32.const 0) (i32.const 0) ${body} (i32.const 0) (i32.const 0) (i32.const -1)))`;

const orRefuse = (call: string): string => `(local.set $s ${call})
  (if (local.get $s) (then ${reply(`(i32.add (i32.const ${REFUSED}) (local.get $s))`)} (return (i32.const 1))))`;

/** Service, user and password stand in headers; the command in RESP is the body. */
export function redisGuest(): Uint8Array {
  const asks = `(local $s i32)
    (if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
    ${header(NAME, 7, 64)} ${header(USER, 6, 72)} ${header(PASSWORD, 10, 80)}
    ${orRefuse(`(call $redis_init ${span(64)} ${span(72)} ${span(80)} (i32.const 2000))`)}
    (drop (call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 88) (i32.const 92)))
    ${orRefuse(`(call $redis_call ${span(64)} ${span(88)} (i32.const 96))`)}
    (i32.store (call $owner (i32.load (i32.const 96))) (local.get 0))
    (i32.const 1)`;
  const told = `(drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))
    (if (local.get 2) (then ${reply(`(i32.const ${FAILED})`)} (return)))
    (drop (call $get_buffer_bytes (i32.const 9) (i32.const 0) (i32.const -1) (i32.const 88) (i32.const 92)))
    ${reply('(i32.const 200)', span(88))}`;
  const owner = `(func $owner (param i32) (result i32)
    (i32.add (i32.const ${OWNERS}) (i32.mul (i32.and (i32.shr_u (local.get 0) (i32.const 2)) (i32.const 1023)) (i32.const 4))))`;
  return pluginModule({
    callbacks: { proxy_on_request_body: asks, proxy_on_redis_call_response: told },
    fields: `${owner} (data (i32.const ${NAME}) "x-redis") (data (i32.const ${USER}) "x-user")
      (data (i32.const ${PASSWORD}) "x-password")`,
    // Bodies lie where they lay before; what is above the tables is theirs.
    allocator: `(local $at i32) (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 0) (i32.const 15)) (i32.const -16))))
      (if (i32.gt_u (global.get $next) (i32.const 15000000)) (then (global.set $next (i32.const 65536))
        (local.set $at (i32.const 65536)) (global.set $next (i32.add (i32.const 65536) (local.get 0)))))
      (local.get $at)`,
    memory: '240',
    imports: '(global $next (mut i32) (i32.const 65536))',
  });
}
