import { posix } from 'node:path';
import type { FileCall } from '../support/file-calls.ts';

/**
 * A file system with a page cache, at its worst: until a folder is synced, each of its names may be, after a power cut,
 * any of what it has been since the last sync; until a file is synced, its bytes may be all there, or only a part.
 */
export interface Disk {
  apply(call: FileCall): void;
  /** Everything that a path may be after a power cut now. undefined: no file. */
  outcomes(path: string): readonly (Buffer | undefined)[];
}

interface File {
  readonly kind: 'file';
  bytes: Buffer;
  synced: Buffer;
}

interface Folder {
  readonly kind: 'folder';
  readonly now: Map<string, Node>;
  /** What each name may be after a power cut; a name that is missing here is what it is now. */
  readonly possible: Map<string, Set<Node | undefined>>;
}

type Node = File | Folder;

const newFolder = (): Folder => ({ kind: 'folder', now: new Map(), possible: new Map() });

export function createDisk(): Disk {
  const root = newFolder();
  /** By the numbers of their calls, whatever their names. */
  const files = new Map<number, File>();

  function find(path: string): Node | undefined {
    let node: Node | undefined = root;
    for (const name of namesIn(path)) node = node?.kind === 'folder' ? node.now.get(name) : undefined;
    return node;
  }

  function change(path: string, node: Node | undefined): void {
    const folder = find(posix.dirname(path));
    if (folder?.kind !== 'folder') throw new Error(`${path} is in no folder`);
    const name = posix.basename(path);
    const states = folder.possible.get(name) ?? new Set([folder.now.get(name)]);
    folder.possible.set(name, states.add(node));
    if (node === undefined) folder.now.delete(name);
    else folder.now.set(name, node);
  }

  return {
    apply(call) {
      const { kind, path } = call;
      switch (kind) {
        case 'mkdir':
          return change(path, newFolder());
        case 'create': {
          const file: File = { kind: 'file', bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
          files.set(call.file, file);
          return change(path, file);
        }
        case 'write': {
          const file = files.get(call.file);
          if (file !== undefined) file.bytes = Buffer.concat([file.bytes, call.bytes]);
          return;
        }
        case 'sync': {
          const node = call.file === undefined ? find(path) : files.get(call.file);
          if (node?.kind === 'file') node.synced = node.bytes;
          else node?.possible.clear();
          return;
        }
        case 'link':
          return change(path, find(call.from));
        case 'rename':
          change(path, find(call.from));
          return change(call.from, undefined);
        case 'unlink':
        case 'rmdir':
          return change(path, undefined);
        default:
          kind satisfies never;
      }
    },

    outcomes(path) {
      let nodes = new Set<Node | undefined>([root]);
      for (const name of namesIn(path))
        nodes = new Set(Array.from(nodes).flatMap(node => statesOf(node, name)));
      return Array.from(nodes).flatMap(contentsOf);
    },
  };
}

function statesOf(node: Node | undefined, name: string): readonly (Node | undefined)[] {
  if (node?.kind !== 'folder') return [undefined];
  return [...(node.possible.get(name) ?? [node.now.get(name)])];
}

function contentsOf(node: Node | undefined): readonly (Buffer | undefined)[] {
  if (node?.kind !== 'file') return [undefined];
  const { bytes, synced } = node;
  return bytes.length === synced.length ? [bytes] : [synced, bytes];
}

function namesIn(path: string): readonly string[] {
  return path.split('/').filter(name => name !== '' && name !== '.');
}
