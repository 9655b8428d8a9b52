/**
 * Every bound of the data path and control plane that is not configurable, with the reason for its value.
 * Sizes are bytes, times milliseconds.
 */
export const LIMITS = {
  /** Larger heads are attacks or mistakes; nginx and Envoy stand at 32–60 KiB, Node at 16 KiB. */
  requestHeadBytes: 32 * 1024,
  /** Long enough for signed URLs; RFC 9110 §4.1 asks for at least 8000. */
  requestTargetBytes: 16 * 1024,
  /** A mutable copy of each is held; Envoy's default is 100. */
  requestHeaderCount: 200,
  /** A client that sends its head slower than this holds a socket for nothing (slowloris). */
  headTimeoutMs: 10_000,
  /** A client that stops in the middle of its body, or takes nothing of its response, for this long is given up. */
  clientIdleMs: 60_000,
  /** A body that comes slower, on average over `clientIdleMs`, holds a connection of a service for next to nothing
   * (slowloris); the weakest mobile link makes ten times as much. Streams in which little is said need 0. */
  bodyBytesPerSecond: 100,
  /** Bodies stream and are not held, but each occupies a connection of a service while it lasts; larger uploads belong
   * to an object store. */
  requestBodyBytes: 64 * 1024 * 1024,
  /** Exchanges of one listener in one worker at a time: each takes 10 to 20 KiB, and a service that hangs collects them. */
  exchangesPerListener: 10_000,
  /** Connections of one listener in one worker from one address; 0 = no bound, since thousands of clients may stand
   * behind one address of a carrier or a load balancer. */
  connectionsPerAddress: 0,
  /** Requests on one connection; 0 = no bound, since one that works costs nothing. Load balancers before the gateway may
   * want their connections to end now and then, to spread them anew. */
  requestsPerConnection: 0,
  /** Silence in both directions of an upgraded connection: devices and browsers ping far more often, and proxies before
   * and behind that cut sooner say so themselves. */
  upgradeIdleMs: 3_600_000,
  /** The same once one side has ended: the other has nothing to wait for but its own end. */
  upgradeHalfClosedMs: 30_000,
  /** Rest of an unwanted request body that is worth reading to keep the connection (Go: 256 KiB). */
  requestDrainBytes: 256 * 1024,
  /** A closing connection is still read from for this long, so that a client that is still sending gets its answer. */
  lingerMs: 1_000,
  /** Open connections of one listener; without bound descriptors run out and nothing works any more. */
  connectionsPerListener: 50_000,
  /** A client that begins a TLS handshake and does not end it; slow mobile networks need a few seconds. */
  tlsHandshakeTimeoutMs: 10_000,
  /** TLS handshakes that a worker begins in one turn of its event loop: 8 take some 5 ms, and what is under way goes on in
   * between. Without bound all clients of a storm are half-way at once, and none gets through in time. */
  tlsHandshakesPerTurn: 8,
  /** Certificates of one listener; all go to the workers together when one of them changes, some 5 KiB each. */
  certificatesPerListener: 1_000,
  /** A file of a certificate with its chain, or of a key; they have a few KiB. */
  certificateFileBytes: 256 * 1024,
  /** Longer than the idle time of common load balancers (AWS 60 s), so that they close first, never we. */
  keepAliveTimeoutMs: 75_000,
  /** How long a worker's event loop may be late, on average over about a second, before it refuses new exchanges: a busy
   * one that serves thousands of clients in turn stays below 0.2 s. */
  overloadLoopDelayMs: 500,
  /** Bytes that a worker holds for clients that are slow to take them, and for plugins, before it refuses new exchanges;
   * they are outside of the heap and count against the memory of the container. */
  overloadBufferedBytes: 256 * 1024 * 1024,
  /** Percent of the process's soft limit of open files from which on no connection is accepted; the rest is for
   * connections to services, and for files. */
  overloadDescriptors: 90,
  /** Percent of a worker's largest heap that may be in use after a full collection before it refuses new exchanges; a heap
   * that cannot grow ends the process. */
  overloadHeap: 85,
  /** Idle timeout of connections while a worker is short of connections, descriptors or heap: those that are gone or
   * have nothing to ask make room. */
  overloadIdleTimeoutMs: 5_000,
  /** Largest Retry-After of an overloaded worker; each answer has its own, from 1 s on, so that not all come back at once. */
  overloadRetryAfterMs: 5_000,
  /** Without bound a slow endpoint collects sockets until descriptors run out. */
  connectionsPerEndpoint: 256,
  /** Requests waiting for one of those connections; beyond it an honest 503 is better than a long queue. */
  pendingPerEndpoint: 1024,
  /** Shorter than the idle time of common servers (Node 5 s), so that a reused socket is rarely a dead one. */
  upstreamKeepAliveMs: 4_000,
  /** A lost packet is sent again after one second; an endpoint that stays silent beyond two of those is gone. */
  connectTimeoutMs: 3_000,
  /** A request that has waited so long for a connection finds an endpoint that is overloaded, not busy. */
  upstreamPendingMs: 5_000,
  /** A connection that has been idle for longer gets a turn of the loop in which its end may show before it is used. */
  upstreamIdleCheckMs: 500,
  /** Fields of a response head; services that set many cookies come near half of it. */
  responseHeaderCount: 400,
  /** Heads of upstream responses; services that set many cookies need more than Node's 16 KiB (Envoy: 60 KiB). */
  responseHeadBytes: 64 * 1024,
  /** An endpoint that falls silent in the middle of a response; long streams send keep-alives more often than that. */
  upstreamIdleMs: 300_000,
  /** HTTP/2 connections to one endpoint; each carries `http2StreamsPerConnection`, and more would not make it faster. */
  http2ConnectionsPerEndpoint: 4,
  /** Streams of one HTTP/2 connection, if its server does not allow fewer; RFC 9113 §6.5.2 asks servers for 100. */
  http2StreamsPerConnection: 100,
  /** An HTTP/2 connection without streams; it says good-bye in order, so that it may stay longer than those of HTTP/1.1. */
  http2KeepAliveMs: 60_000,
  /** A server that has been silent for so long while streams are open is asked whether it is there; gRPC servers take
   * it for an attack when they are asked more often than every five minutes. */
  http2PingMs: 310_000,
  /** And gets this long to say so. */
  http2PingTimeoutMs: 10_000,
  /** Data of one HTTP/2 connection in memory, that its streams have not handed over or sent yet. */
  http2ConnectionBytes: 64 * 1024 * 1024,
  /** gRPC messages that one stream hands over in a turn of the event loop: a chunk may hold thousands of small ones. */
  grpcMessagesPerTurn: 64,
  /** One pattern; longer ones are generated or hostile. */
  regexPatternLength: 1024,
  /** Input of one pattern; header values and paths beyond it do not match. */
  regexInputLength: 8 * 1024,
  /** Sticky keys are ids of users and devices; each rule hashes them anew, so a longer one counts as no key. */
  stickyKeyLength: 1024,
  /** Steps of one match: cost of the pattern times length of the input. A linear engine takes about 50 in a µs. */
  regexWork: 256 * 1024,
  /** Cost of all patterns of one configuration file; compiling costs about 10 µs for each step. */
  regexCostPerFile: 64 * 1024,
  /** A replacement; each match inserts it, so that it multiplies the input. */
  regexReplacementLength: 512,
  /** A configuration file; 1 MiB holds about 5 000 routes and takes about a second to read. */
  configFileBytes: 2 * 1024 * 1024,
  /** Values of one configuration file with its aliases unfolded; a bomb of aliases has billions. */
  configValues: 500_000,
  /** Lines, brackets, commas, anchors, tags and marks of items and keys in one; each may become an object of 1 KiB. */
  configMarks: 400_000,
  /** Nesting of a configuration file; deeper ones are made to exhaust the stack. */
  configDepth: 64,
  /** A message about a file, and the key in it; they repeat names, and a name may be as long as the file. */
  configMessageLength: 500,
  /** Problems reported of one file; whoever has more mends these first. */
  configProblems: 50,
  /** Files of one tenant directory; each is held in memory. */
  tenantFiles: 10_000,
  /** Tenant files read and parsed at once; more would hold more texts in memory and gain nothing. */
  tenantReads: 32,
  /** Threads that parse tenant files; main thread and workers want the other processors. */
  parseThreads: 2,
  /** Heap of one of them; the costliest file that the limits above let through needs some 400 MiB. */
  parseThreadHeapBytes: 640 * 1024 * 1024,
  /** Parsing of one file: at least this long, and so much more for each KiB; it takes about a twentieth of that. */
  parseMs: 3_000,
  parsePerKibMs: 10,
  /** A parsing thread ends when there was nothing to do for this long: it takes tens of MiB, and a third of a second to
   * start. */
  parseIdleMs: 10_000,
  /** A change is told at the latest this long after its file was parsed, while other files are still being parsed. */
  tenantSettleMs: 100,
  /** A file that is gone takes its tenant with it at the latest after this time; it may have been renamed, and the other
   * name is still being parsed. */
  tenantGoneMs: 10_000,
  /** A new configuration of a tenant that is served waits this long for the first lists of the services that it brings;
   * what was there before serves meanwhile. */
  firstListsMs: 2_000,
  /** Files being written to the state directory at once; each is synchronised with the disk. */
  stateWrites: 2,
  /** Routes of one tenant: reading and compiling 2 000 takes about half a second, and they share `metricSeries`. */
  tenantRoutes: 2_000,
  /** Patterns of one tenant; each is compiled in every worker and held there. */
  tenantRegexes: 500,
  /** Plugin uses of one tenant that differ in module or configuration: each is an instance in every worker, with up to
   * its memory limit, and with 8 GiB of address space, of which a process has enough for about 16 000. */
  tenantPlugins: 32,
  /** Bytes of bodies that the plugins of one tenant may hold in one worker; a fraction of `overloadBufferedBytes`. */
  tenantBufferedBytes: 32 * 1024 * 1024,
  /** One secret; certificates and keys are a few KiB. */
  secretBytes: 64 * 1024,
  /** Exchanges of a listener that is moved or removed get this long before their connections are cut. */
  drainDeadlineMs: 30_000,
  /** Log lines of one worker waiting for the writer; more are counted and dropped. */
  accessLogQueueLines: 20_000,
  /** A push or file with more is refused: 26 000 instances are 10 MiB of Nacos JSON. */
  endpointsPerService: 30_000,
  /** One message of a Nacos server: the largest list allowed above, with long metadata. */
  nacosMessageBytes: 64 * 1024 * 1024,
  /** A name of DNS. One answer of 64 KiB holds up to 4 000 addresses, and each may get connections of its own. */
  dnsEndpointsPerService: 1_000,
  /** Shorter TTLs, and none, would turn each name into a constant load on its servers. */
  dnsTtlMinMs: 1_000,
  /** Longer TTLs are common for addresses that move all the same one day. */
  dnsTtlMaxMs: 300_000,
  /** Answers without a TTL that Node hands out: SRV records, and what the machine itself knows (hosts file). */
  dnsRefreshMs: 30_000,
  /** A name without records is looked at again after this time; it may have been added late. */
  dnsEmptyRefreshMs: 5_000,
  /** A service that empties at once is more often a fault of the registry than of all its instances; providers that
   * come back after a restart of the registry have registered by then. */
  emptyListHoldMs: 30_000,
  /** The answer of a Nacos login; a token is below 1 KiB. */
  nacosLoginBytes: 64 * 1024,
  /** What the admin API of a running gateway may answer to a question of the command line: some 500 000 endpoints. */
  adminAnswerBytes: 64 * 1024 * 1024,
  /** What W3C Trace Context asks to be passed on at least; a longer list is dropped whole. */
  tracestateBytes: 512,
  /** Access-log values are cut to this length, so that one request cannot write megabytes of log. */
  accessLogValueBytes: 2048,
  /** A worker posts its lines to the writer when they reach this size, or after `accessLogFlushMs`. */
  accessLogBatchBytes: 256 * 1024,
  /** How late a line may be; short enough for `tail -f`, long enough to write hundreds of lines at once. */
  accessLogFlushMs: 100,
  /** Log bytes waiting for a slow disk or pipe on the main thread; more are counted and dropped. */
  accessLogQueueBytes: 64 * 1024 * 1024,
  /** Metric series (tenant, route, lane), about 200 bytes each in every worker; more are counted as `_other`. */
  metricSeries: 100_000,
  /** A worker says this often that its event loop turns. */
  workerBeatMs: 500,
  /** A worker whose loop stands still for this long is replaced; nothing in it may block, a full GC takes a second. */
  workerBlockedMs: 10_000,
  /** A thread that loads its program for longer is given up; it takes a second, on a starved machine many. */
  workerStartMs: 60_000,
  /** Wait before a worker that died is replaced; doubles with every further death in a row up to the longest. */
  workerBackoffMs: 100,
  workerBackoffLongestMs: 10_000,
  /** A worker that served for this long was healthy; its death counts as the first again. */
  workerHealthyMs: 30_000,
  /** Deaths in a row of every worker, none healthy between, from which on the process ends: a new one may do better. */
  workerCrashes: 5,
  /** A thread that does not end when told to still takes connections that nobody answers; then the process ends. */
  workerEndMs: 10_000,
  /** What a worker may take beyond the deadline of a drain before it is ended. */
  workerDrainSlackMs: 2_000,
  /** Heap of one worker: smaller ones die of an ordinary configuration, larger ones pause for seconds to be swept. */
  workerHeapLeastBytes: 128 * 1024 * 1024,
  workerHeapMostBytes: 4096 * 1024 * 1024,
  /** A lock in shared memory is held for microseconds; by a thread that gets no processor, for as long as that lasts. One
   * that is held for longer belongs to a thread that was ended, of which main hears soon; its waiters go on without. */
  sharedLockMs: 1_000,
  /** Sockets on the admin port: probes, scrapers and a few people. */
  adminConnections: 256,
  /** Longest process log line: what POSIX writes to a pipe in one piece, so that threads never mix their lines. */
  processLogLineBytes: 4096,
  /** A plugin module; Go's, the largest seen, have 6.5 MB. */
  pluginModuleBytes: 16 * 1024 * 1024,
  /** What a module says of itself; of the plugins that come with the gateway none needs more than 2 KiB. */
  pluginManifestBytes: 64 * 1024,
  /** Parts of the schema of a plugin's configuration, references unfolded; a value may be held against each. */
  pluginSchemaNodes: 1000,
  /** Cost of its patterns, as of `regexCostPerFile`; each thread that reads configurations compiles them. */
  pluginSchemaPatternCost: 16 * 1024,
  /** One attempt to fetch a module, with all its requests: the largest takes 14 s over 10 Mbit/s. */
  pluginPullMs: 60_000,
  /** Redirects of one request; registries send to their store of blobs with one. */
  pluginPullRedirects: 5,
  /** Modules fetched from one server at a time: each is held in memory, and a server that hangs only delays its own. */
  pluginPullsPerServer: 2,
  /** Wait after a failed attempt; doubles up to the longest. */
  pluginPullBackoffMs: 1_000,
  pluginPullBackoffLongestMs: 60_000,
  /** Wait after an answer that is not what it must be: it seldom changes soon, and costs a download each time. */
  pluginPullRefusedMs: 300_000,
  /** A gateway that has started waits this long with readiness for modules to be fetched; then it serves the rest. */
  pluginPullReadyMs: 60_000,
  /** Manifest or index of a module in a registry; they have a few KiB. */
  ociManifestBytes: 1024 * 1024,
  /** Answer of a registry's token service; tokens have a few KiB. */
  ociTokenBytes: 64 * 1024,
  /** An unpacked archive with a module in it: there is room for the largest module and what is packed beside it. */
  pluginArchiveBytes: 32 * 1024 * 1024,
  /** Files in such an archive; two or three are common. */
  pluginArchiveFiles: 1_000,
  /** Functions of a module; Go's have 15 000. Each costs compile time. */
  pluginFunctions: 100_000,
  /** Bytes of one of them; an optimising compiler takes more than linear time for it. Generated parsers come near. */
  pluginFunctionBytes: 1024 * 1024,
  /** Blocks inside each other; a switch has one for each of its cases. */
  pluginNesting: 10_000,
  /** Locals and operands, counted at each branch of all functions: V8 copies what it knows of them there, which takes up to
   * 70 ns and 15 bytes each. A Go plugin has one million. */
  pluginCompileWork: 20_000_000,
  pluginTypes: 10_000,
  /** Imports: each becomes a function in every instance. The ABI has a hundred, WASI half of that. */
  pluginImports: 1_000,
  /** Exports, which are listed for every worker. */
  pluginExports: 10_000,
  /** Name of an import or export; those of C++ tell types and come near. */
  pluginNameBytes: 4096,
  /** Function names for stack traces; larger sections are dropped. Go's have 1 MB. */
  pluginNameSectionBytes: 4 * 1024 * 1024,
  /** Globals: up to 16 bytes each outside its memory limit. */
  pluginGlobals: 10_000,
  pluginTables: 8,
  /** Elements of all tables of a module; 16 bytes each outside its memory limit. */
  pluginTableElements: 100_000,
  /** What fills them. Each of its bytes may be an element. */
  pluginElementBytes: 512 * 1024,
  /** Each text of AssemblyScript is one. */
  pluginDataSegments: 65_536,
  /** Serialised maps from a plugin, and what it may add to the heads of one exchange (Envoy: 1 MiB, 1024 pairs). */
  pluginMapBytes: 256 * 1024,
  pluginMapPairs: 1024,
  /** Body of a plugin's own answer; it is copied and held until the client has it. */
  pluginReplyBytes: 1024 * 1024,
  /** What a plugin may hold of one body (Envoy: 1 MiB); whoever has larger ones lets them stream, or pays for them. */
  pluginBodyBytes: 1024 * 1024,
  /** One log line of a plugin; the rest is cut off. */
  pluginLogLineBytes: 4096,
  /** Lines a plugin may log at once, refilled at as many per second; more are counted and dropped. */
  pluginLogLines: 100,
  /** Series of one plugin; later ones share a sink that nobody reads. */
  pluginMetrics: 256,
  pluginMetricNameBytes: 256,
  /** Shared data of one plugin of one tenant; the least recently used entries make room. */
  pluginSharedDataBytes: 1024 * 1024,
  /** Shared data of all plugins and tenants together: a few KiB each for a thousand tenants with several plugins. Memory is
   * taken from the machine as it is used. */
  pluginSharedDataTotalBytes: 64 * 1024 * 1024,
  /** Shared data that nobody has used for this long makes room when everything is full; its tenant may be gone. */
  pluginSharedDataIdleMs: 600_000,
  /** Queues of one plugin of one tenant; the examples of every SDK have one or two. They share the memory of the shared data. */
  pluginQueues: 8,
  /** Messages of one queue; the oldest make room. Some 2000 short ones: what a busy worker sends in the time that a receiver
   * needs to be made anew. */
  pluginQueueBytes: 256 * 1024,
  /** A queue whose receiver has no instance, and may have none yet, is tried again. */
  pluginQueueRetryMs: 1_000,
  /** Properties that the plugins of one exchange may set; the oldest make room. */
  pluginProperties: 64,
  pluginPropertyBytes: 64 * 1024,
  /** What a plugin may have compressed or unpacked in one call, before and after: some milliseconds, and a bomb is as
   * large as any. */
  pluginCompressBytes: 1024 * 1024,
  /** Endpoints that a plugin is told of, which chooses one of them itself. */
  pluginUpstreamHosts: 1000,
  /** Callouts of one instance of a plugin under way; a service that hangs collects them. */
  pluginCallouts: 256,
  /** Those of one exchange: it waits for a few answers at once, not for a crowd. */
  pluginCalloutsPerExchange: 8,
  /** Body of a callout's request, and of its response, which is held whole until the plugin is told of it. */
  pluginCalloutBodyBytes: 1024 * 1024,
  /** A callout that takes longer has failed; also the time of those that name none. */
  pluginCalloutMs: 30_000,
  /** gRPC calls of one instance of a plugin under way; streams may last, so that no more than callouts fit. */
  pluginGrpcCalls: 256,
  /** One message of a gRPC call, in each direction; it is held whole until it has left, or the plugin is told of it. */
  pluginGrpcMessageBytes: 1024 * 1024,
  /** Messages of one gRPC call that wait to be sent; a service that takes none, or a slow one, collects them. */
  pluginGrpcSendBytes: 2 * 1024 * 1024,
  /** Redis services that one instance of a plugin has set up; each takes names and a password. Later ones replace the oldest. */
  pluginRedisClients: 32,
  /** Connections to Redis that the plugins of one tenant have in one worker: one for each service, lane, database and user. */
  pluginRedisConnections: 16,
  /** Commands on one of them that wait for an answer: what several plugins may send, see `pluginCallouts`. */
  pluginRedisCommands: 1024,
  /** A connection to Redis that nobody has used for so long is closed. */
  pluginRedisIdleMs: 60_000,
  /** Shorter ticks would turn an idle plugin into a load. */
  pluginTickMs: 10,
  /** Environment of a plugin; it is held once for each instance. */
  pluginEnvironmentBytes: 32 * 1024,
  /** Steps of a coarse clock; as browsers do it, too long to time what another plugin or the processor's caches do. */
  pluginCoarseClockMs: 10,
  /** A plugin that holds an exchange longer has forgotten it; its failure policy decides. */
  pluginPauseMs: 10_000,
  /** How long a plugin may delay the end of a context after it answered "not done". */
  pluginDoneMs: 5_000,
  /** Contexts that may wait for it at once; each keeps its exchange in memory. */
  pluginDoneWaiting: 1000,
  /** Exchanges on a replaced plugin get this long before its VM is dropped. */
  pluginRetireMs: 600_000,
  /** A plugin that nobody uses for this long gives its VM back, at the latest after twice as long; a new one takes a
   * millisecond, and a VM holds up to its memory limit. */
  pluginIdleMs: 300_000,
  /** Plugin VMs of the process, shared out among its workers; V8 has address space for 16 000. */
  pluginVmsPerProcess: 12_000,
  /** A VM serves at least this long before it is replaced for its size, or because it asks for it: starting one may take
   * some milliseconds. */
  pluginRecycleMs: 10_000,
  /** Linear memory of all plugin instances of one tenant in one worker: 32 of AssemblyScript have some MiB, one of Go has
   * 5 to 20. */
  tenantPluginMemoryBytes: 256 * 1024 * 1024,
  /** Instructions of all plugins of one tenant in one worker and second: about two thirds of what a processor carries out,
   * so that there is always time for others. */
  tenantPluginCpu: 500_000_000,
  /** Wait before the second rebuild of a VM in a row; doubles up to the longest. */
  pluginBackoffMs: 100,
  pluginBackoffLongestMs: 10_000,
  /** Failures in a row (with little served between) from which on the plugin's breaker is open. */
  pluginBreakerFailures: 5,
  /** Exchanges a VM must have served, or the time it must have lived, for its failure to count as the first again. */
  pluginHealthyExchanges: 100,
  pluginHealthyMs: 10_000,
} as const;
