import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/*
 * Ports for programs that have to be told theirs. They lie below those that the system gives to whoever asks for any
 * (from 32768 on), and come in blocks: whoever listens on the first port of a block owns the others until it ends.
 */
const FIRST_PORT = 10_000;
const BLOCKS = 220;
const BLOCK_PORTS = 100;

interface Block {
  next: number;
  readonly end: number;
}

let claimed: Promise<Block> | undefined;

/** A port that nobody listens on, and that nobody else is given while this process lives. */
export async function freePort(): Promise<number> {
  return freePorts(1);
}

/** So many of them, side by side, fewer than a block has. @returns the first */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    claimed ??= claimBlock();
    const used = claimed;
    const block = await used;
    const first = block.next;
    block.next += count;
    if (block.next <= block.end) {
      if (await areFree(first, count)) return first;
    } else if (claimed === used) claimed = undefined;
  }
}

async function claimBlock(): Promise<Block> {
  for (let tried = 0; tried < BLOCKS; tried += 1) {
    // Processes look in different places first.
    const gate = FIRST_PORT + ((process.pid + tried) % BLOCKS) * BLOCK_PORTS;
    const server = await listen(gate);
    if (server === undefined) continue;
    server.unref();
    return { next: gate + 1, end: gate + BLOCK_PORTS };
  }
  throw new Error('every block of ports is taken');
}

/** Whether nobody has kept one of these ports, be it a stranger or what an earlier owner of the block has left. */
async function areFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port += 1) {
    const server = await listen(port);
    if (server === undefined) return false;
    server.close();
    await once(server, 'close');
  }
  return true;
}

/** undefined: somebody listens there. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
