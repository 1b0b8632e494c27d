/** From the opening of a connection, or from a request's first byte. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const CHECK_INTERVAL_MS = 1_000;
/** A client that reads nothing of its answer is disconnected. Event streams send something more often. */
const SILENCE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 15_000;
/** Longer than proxies keep a connection: one that is closed while they send a request into it is a 502 for a visitor. */
const KEEP_ALIVE_PROXY_MS = 72_000;

/** How long connections may take for what, as options of fastify's. */
export function connectionTimeouts({ behindProxy }: { readonly behindProxy: boolean }) {
  return {
    connectionTimeout: SILENCE_TIMEOUT_MS,
    keepAliveTimeout: behindProxy ? KEEP_ALIVE_PROXY_MS : KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS },
  };
}
