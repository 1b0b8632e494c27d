/** A way to put a working directory into object storage. */
export interface Contestant {
  readonly name: string;
  /** Programs it is made of; it is skipped where one is not installed. */
  readonly needs: readonly string[];
  /**
   * For sh, in the working directory: `$OBJECT` is the bucket and key, `$ENDPOINT` the store, `$CA` its certificate if
   * it has one, `$SCRATCH` a folder for files on the way, and `$OURS` runs our process.
   */
  readonly script: string;
  /** Its codec alone, as it packs `$TAR` for nobody; `$BARE` runs ours. */
  readonly bare: string;
  readonly isOurs: boolean;
  /** Prints `ready`, and begins when it reads a line: its time is measured from there. */
  readonly waits: boolean;
}

const GZIP_ALONE = 'gzip <"$TAR" >/dev/null';

export const tarGzip = peer(
  'find | tar czf, aws s3 cp',
  ['tar', 'gzip', 'aws'],
  GZIP_ALONE,
  'find . -type f -print0 | tar czf "$SCRATCH/logs.tar.gz" --null -T - && aws --endpoint-url "$ENDPOINT" s3 cp --only-show-errors "$SCRATCH/logs.tar.gz" "s3://$OBJECT"',
);

export const tarCzf = peer(
  'tar czf, aws s3 cp',
  ['tar', 'gzip', 'aws'],
  GZIP_ALONE,
  'tar czf "$SCRATCH/logs.tar.gz" . && aws --endpoint-url "$ENDPOINT" s3 cp --only-show-errors "$SCRATCH/logs.tar.gz" "s3://$OBJECT"',
);

export const pigz = (level: number) =>
  peer(
    `tar | pigz -${level} | aws s3 cp -`,
    ['tar', 'pigz', 'aws'],
    `pigz -${level} <"$TAR" >/dev/null`,
    `tar cf - . | pigz -${level} | ${TO_AWS}`,
  );

export const zstd3 = peer(
  'tar | zstd -T0 -3 | aws s3 cp -',
  ['tar', 'zstd', 'aws'],
  'zstd -q -T0 -3 <"$TAR" >/dev/null',
  'tar cf - . | zstd -q -T0 -3 | aws --endpoint-url "$ENDPOINT" s3 cp --only-show-errors - "s3://$OBJECT"',
);

export const pigzRclone = peer(
  'tar | pigz -6 | rclone rcat',
  ['tar', 'pigz', 'rclone'],
  'pigz -6 <"$TAR" >/dev/null',
  // It cannot load what AWS_CA_BUNDLE names.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
  'tar cf - . | pigz -6 | env -u AWS_CA_BUNDLE rclone ${CA:+--ca-cert "$CA"} --config "" --s3-provider Other --s3-env-auth --s3-endpoint "$ENDPOINT" rcat ":s3:$OBJECT"',
);

/** Ours with a codec at a level, from the start of its process. */
export function ours(codec: 'gzip' | 'zstd', level: number, deflate: 'isal' | 'zlib' = 'zlib'): Contestant {
  const name = deflate === 'isal' ? `ours, ${codec} by ISA-L` : `ours, ${codec} ${level}`;
  const how = `${codec} ${level} ${deflate}`;
  return {
    name,
    needs: [],
    script: `exec $OURS "$PWD" "s3://$OBJECT" ${how}`,
    bare: `exec $BARE "$TAR" ${how}`,
    isOurs: true,
    waits: false,
  };
}

/**
 * From the end of a session: our supervisor has run since its beginning, and has opened the destination then. The
 * peers are started when the session ends.
 */
export function fromTheEnd(contestant: Contestant): Contestant {
  const name = `${contestant.name}, running`;
  return { ...contestant, name, script: `${contestant.script} wait`, waits: true };
}

const TO_AWS = 'aws --endpoint-url "$ENDPOINT" s3 cp --only-show-errors - "s3://$OBJECT"';

function peer(name: string, needs: readonly string[], bare: string, script: string): Contestant {
  return { name, needs, bare, script, isOurs: false, waits: false };
}
