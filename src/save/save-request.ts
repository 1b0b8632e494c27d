import type { ArchiverAhead } from '../archive/archiver-ahead.ts';
import type { PackOptions } from '../archive/pack.ts';
import type { Codec, Deflate } from '../config/session-config.ts';
import type { Selection } from '../files/selection.ts';
import type { DeadlinePart } from '../runtime/deadline.ts';
import type { Store } from '../store/store.ts';
import type { ArchivePlace } from './archive-place.ts';

/** What is saved, under which name and where: by a session at its end, or by a recovery. */
export interface SaveRequest {
  readonly source: Selection;
  readonly archive: {
    readonly codec: Codec;
    readonly level: PackOptions['level'];
    readonly deflate: Deflate;
  };
  /** Tried in this order, until one has the archive. */
  readonly targets: readonly SaveTarget[];
  /** An attempt whose bytes have not moved for so long is given up. */
  readonly stallMs: number;
  /** Whether it is to be known what the archive holds of each file. */
  readonly listsFiles?: boolean;
  /** Packs the first attempt, where it is needed. */
  readonly ahead?: ArchiverAhead;
  /** Called with the place that the archive and its report are about to take. */
  readonly onPlace?: (place: ArchivePlace) => Promise<void>;
}

export interface SaveTarget {
  /** For people. */
  readonly url: string;
  readonly open: () => Promise<Store>;
  /** Where the archive goes, once nobody else can have that place. */
  readonly place: (store: Store, signal: AbortSignal) => Promise<ArchivePlace>;
  /** The archive is written among the files that it holds. */
  readonly inside: boolean;
  readonly deadline: DeadlinePart;
}
