import { MapType, Status } from './abi.ts';
import type { HeaderMap } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** Most guests write names in lower case; the check costs less than a conversion. */
function lowerCase(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return name.toLowerCase();
  }
  return name;
}

function mapOf(vm: Vm, type: number): HeaderMap | null {
  return vm.callout?.map(type) ?? vm.target?.host.headerMap(type) ?? null;
}

/** What a look-up in a map that is not there answers. */
function absent(vm: Vm, type: number, addressSlot: number, sizeSlot: number): number {
  if (type >>> 0 > MapType.last) return vm.returnNothing(Status.badArgument, addressSlot, sizeSlot);
  const logging = vm.callback === 'proxy_on_log';
  const status = vm.module.abi === '0.1.0' ? Status.ok : logging ? Status.notFound : Status.badArgument;
  return vm.returnNothing(status, addressSlot, sizeSlot);
}

/** The map, if it can be written now. */
function writableMap(vm: Vm, type: number): HeaderMap | null {
  const map = mapOf(vm, type);
  if (map === null || map.writable) return map;
  vm.hint(
    'headers were written that had gone on already, which has no effect: hold them until they are as they should be',
  );
  return null;
}

type Write = (map: HeaderMap, name: string, value: string) => boolean;

/** Reads name and value, then writes them; what cannot stand in a head is refused. */
function write(
  vm: Vm,
  type: number,
  name: number,
  nameLength: number,
  value: number,
  valueLength: number,
  apply: Write,
): number {
  if (!vm.memory.holds(name, nameLength) || !vm.memory.holds(value, valueLength)) return Status.invalidMemoryAccess;
  const map = writableMap(vm, type);
  if (map === null) return Status.badArgument;
  vm.spend((nameLength + valueLength) * 4 + map.size * 4);
  const key = lowerCase(vm.memory.readLatin1(name, nameLength));
  return apply(map, key, vm.memory.readLatin1(value, valueLength)) ? Status.ok : Status.badArgument;
}

const add: Write = (map, name, value) => map.add(name, value);
const replace: Write = (map, name, value) => map.replace(name, value);
const remove: Write = (map, name) => map.remove(name);

export function headerCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_get_header_map_size(type: number, slot: number): number {
      if (!memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      const map = mapOf(vm, type);
      if (map === null) return Status.badArgument;
      let size = 0;
      vm.spend(map.size * 32);
      for (const text of map.toPairs()) size += text.length;
      memory.writeU32(slot >>> 0, size);
      return Status.ok;
    },

    proxy_get_header_map_pairs(type: number, addressSlot: number, sizeSlot: number): number {
      if (type >>> 0 > MapType.last) return vm.returnNothing(Status.badArgument, addressSlot >>> 0, sizeSlot >>> 0);
      const map = mapOf(vm, type);
      if (map !== null) vm.spend(map.size * 48);
      return vm.returnPairs(map === null ? [] : map.toPairs(), addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_header_map_pairs(type: number, data: number, length: number): number {
      if (!memory.holds(data >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      const map = writableMap(vm, type);
      if (map === null) return Status.badArgument;
      const pairs = vm.readPairs(data >>> 0, length >>> 0);
      if (pairs === null) return Status.badArgument;
      for (let i = 0; i < pairs.length; i += 2) pairs[i] = lowerCase(pairs[i]!);
      return map.assign(pairs) ? Status.ok : Status.badArgument;
    },

    proxy_get_header_map_value(
      type: number,
      name: number,
      nameLength: number,
      addressSlot: number,
      sizeSlot: number,
    ): number {
      if (!memory.holds(name >>> 0, nameLength >>> 0)) return Status.invalidMemoryAccess;
      const map = mapOf(vm, type);
      if (map === null) return absent(vm, type, addressSlot >>> 0, sizeSlot >>> 0);
      vm.spend((nameLength >>> 0) * 4 + map.size * 4);
      const value = map.get(lowerCase(memory.readLatin1(name >>> 0, nameLength >>> 0)));
      if (value !== undefined) return vm.returnLatin1(value, addressSlot >>> 0, sizeSlot >>> 0);
      const status = vm.module.abi === '0.1.0' ? Status.ok : Status.notFound;
      return vm.returnNothing(status, addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_add_header_map_value(type: number, name: number, nameLength: number, value: number, length: number): number {
      return write(vm, type, name >>> 0, nameLength >>> 0, value >>> 0, length >>> 0, add);
    },

    proxy_replace_header_map_value(
      type: number,
      name: number,
      nameLength: number,
      value: number,
      length: number,
    ): number {
      return write(vm, type, name >>> 0, nameLength >>> 0, value >>> 0, length >>> 0, replace);
    },

    proxy_remove_header_map_value(type: number, name: number, nameLength: number): number {
      return write(vm, type, name >>> 0, nameLength >>> 0, 0, 0, remove);
    },
  };
}
