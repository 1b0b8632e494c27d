/** What may be wrong with what lies at a destination. */
export type FindingKind =
  /** The report tells of an archive that is not there. */
  | 'archive-missing'
  /** It has another size than its report tells. */
  | 'archive-size'
  /** It has other bytes than those that its report tells of. */
  | 'archive-digest'
  /** It cannot be unpacked to its end. */
  | 'archive-damaged'
  /** It has more files, folders or links than its report tells, or fewer. */
  | 'archive-content'
  /** Some of it was never read or packed, as its report tells. */
  | 'archive-incomplete'
  /** Its index cannot be read, or not to its end. */
  | 'index-damaged'
  /** There is an archive, and nothing tells what it is of. */
  | 'report-missing'
  /** What is at the key of a report is none. */
  | 'report-damaged'
  /** The journal holds what is in no archive. */
  | 'not-recovered'
  /** Part of a journal cannot be read. */
  | 'journal-damaged'
  /** A journal that is said to be there is gone. */
  | 'journal-missing'
  /** The archive is there, and its journal was not deleted. */
  | 'journal-left'
  /** Its archive was being replaced, and whoever did so was cut off. */
  | 'amendment-left'
  /** It has begun, and nothing tells what became of it. */
  | 'incomplete'
  /** It could not be saved. */
  | 'lost'
  /** An upload was begun long ago, and never ended: its parts are paid for. */
  | 'upload-open'
  /** The same run, or another archive of it, is there a second time. */
  | 'twice';

/** One fault, and what is to be done about it. */
export interface Finding {
  readonly kind: FindingKind;
  /** Whose it is; undefined: no session's. */
  readonly session: string | undefined;
  /** Names the session, or the object, to other commands. */
  readonly url: string;
  /** A sentence. */
  readonly text: string;
  /** What a person does: a command, or a sentence. */
  readonly remedy: string;
}
