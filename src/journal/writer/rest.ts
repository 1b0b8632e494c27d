import { type FSWatcher, watch } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { FolderNode } from './node.ts';

/**
 * Spares the look at files in folders that rest. A folder in which nothing has changed for some scans is watched; its
 * files are looked at again when the watch tells of anything, and every so often whatever it tells. It is watched no
 * longer then, until it rests again: what is busy costs no events.
 */
export interface Rest {
  /** Hears what the watches tell of everything that was written before. @param everything nothing rests any more */
  begin(everything: boolean): Promise<void>;
  /** Whether its files need no look. @param isLookDue it is time for one, whatever the watch tells */
  isResting(folder: FolderNode, isLookDue: boolean): boolean;
  /** Tells what a look at its files has found. */
  looked(folder: FolderNode, hasChanged: boolean): void;
  /** A folder that is gone. */
  forget(folder: FolderNode): void;
  close(): void;
}

interface Watched {
  /** What it was in the scan before; its files may be others when it is another. */
  mtimeNs: bigint | undefined;
  ino: bigint | undefined;
  /** Looks since something had changed. */
  quietLooks: number;
  watcher: FSWatcher | undefined;
  isNew: boolean;
  /** Its watch has told of a change. */
  isHinted: boolean;
  /** A look has found what the watch has not told of, or not yet. */
  isInDoubt: boolean;
  /** Its watch misses changes: writes through mmap, or through a hard link in another folder. */
  isMistrusted: boolean;
}

/** Below that, a look costs less than what it would be spared by. */
const MIN_FILES = 16;
const QUIET_LOOKS = 2;
/** They are taken from what all of a user's programs may have: 8,192 where memory is scarce. */
const MAX_WATCHES = 1_024;
/** The kernel's queue has room for 16,384 events, and does not say to Node that some are lost. */
const MAX_FILES_AT_ONCE = 4_096;

/** @param mayRest whether its file system tells of all changes */
export function createRest(mayRest: (folder: FolderNode) => boolean): Rest {
  const known = new Map<FolderNode, Watched>();
  let watches = 0;
  let hintedFiles = 0;
  let isOver = false;

  function unwatch(state: Watched): void {
    if (state.watcher === undefined) return;
    state.watcher.close();
    state.watcher = undefined;
    watches -= 1;
  }

  function startWatch(folder: FolderNode, state: Watched): void {
    const hint = () => {
      if (!state.isHinted) hintedFiles += folder.children.size;
      state.isHinted = true;
      unwatch(state);
    };
    try {
      state.watcher = watch(folder.fsPath, { persistent: false }, hint).on('error', hint);
      state.isNew = true;
      watches += 1;
    } catch {
      // The kernel refuses it, as when all watches are taken: then looks alone tell, and it is asked again later.
      state.quietLooks = -RETRY_LOOKS;
    }
  }

  function stateOf(folder: FolderNode): Watched {
    const state = known.get(folder) ?? newState();
    known.set(folder, state);
    return state;
  }

  function wake(state: Watched): void {
    unwatch(state);
    state.quietLooks = Math.min(0, state.quietLooks);
    state.isHinted = false;
    state.isInDoubt = false;
  }

  function closeAll(): void {
    isOver = true;
    for (const state of known.values()) unwatch(state);
    known.clear();
  }

  return {
    async begin(everything) {
      if (everything) closeAll();
      // Events are delivered between timers and what is immediate: after the second one, all have been.
      if (watches > 0) await setImmediate();
      if (watches > 0) await setImmediate();
      if (hintedFiles >= MAX_FILES_AT_ONCE) for (const state of known.values()) wake(state);
      hintedFiles = 0;
    },

    isResting(folder, isLookDue) {
      if (isOver || folder.children.size < MIN_FILES || folder.isLeftOut || !mayRest(folder)) {
        this.forget(folder);
        return false;
      }
      const state = stateOf(folder);
      if (state.isInDoubt && !state.isHinted) state.isMistrusted = true;
      const isSame = state.mtimeNs === folder.stat?.mtimeNs && state.ino === folder.stat?.ino;
      if (!isSame || folder.mustList || state.isHinted || state.isInDoubt) wake(state);
      state.mtimeNs = folder.stat?.mtimeNs;
      state.ino = folder.stat?.ino;
      state.isNew = false;
      if (state.watcher !== undefined) return !isLookDue;
      // Watched first, looked at then: no change falls between the two.
      if (state.quietLooks >= QUIET_LOOKS && !state.isMistrusted && watches < MAX_WATCHES)
        startWatch(folder, state);
      return false;
    },

    looked(folder, hasChanged) {
      const state = known.get(folder);
      if (state === undefined) return;
      if (!hasChanged) state.quietLooks += 1;
      else if (state.watcher === undefined || state.isNew) wake(state);
      else state.isInDoubt = true;
    },

    forget(folder) {
      const state = known.get(folder);
      if (state === undefined) return;
      unwatch(state);
      known.delete(folder);
    },

    close: closeAll,
  };
}

/** Of refused watches: some minutes, with the default interval. */
const RETRY_LOOKS = 100;

function newState(): Watched {
  return {
    mtimeNs: undefined,
    ino: undefined,
    quietLooks: 0,
    watcher: undefined,
    isNew: false,
    isHinted: false,
    isInDoubt: false,
    isMistrusted: false,
  };
}
