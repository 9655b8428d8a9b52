/** What every plugin exports. With others of this folder beside it, the gateway calls only those. */
export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_vm_start,
} from '../assembly/exports';
