import * as v from 'valibot';

/**
 * Which session it is, and whose. Each launcher keeps these fields outside of the manager's memory (container labels,
 * task tags, columns of a record), so that every instance finds them again after a restart.
 */
export interface SessionIdentity {
  readonly id: string;
  /** Of the launch request, as `idempotencyKey` makes it: a repeated request starts no second session. */
  readonly idempotencyKey: string;
  /** Of the visitor who launched it, as `visitorHash` makes it. */
  readonly visitorHash: string;
  readonly world: string;
  /** From 1. A launch that lacked capacity is repeated with the same id and the next number. */
  readonly attempt: number;
}

/** The identity alone, of whatever else has more fields. */
export function identityFields(from: SessionIdentity): SessionIdentity {
  const { id, idempotencyKey, visitorHash, world, attempt } = from;
  return { id, idempotencyKey, visitorHash, world, attempt };
}

export type IdentityKeys = Readonly<Record<keyof SessionIdentity, string>>;

/** The names of the fields as labels and tags, e.g. `craftassist.press` for the prefix `craftassist.`. */
export function identityKeys(prefix: string): IdentityKeys {
  return {
    id: `${prefix}session`,
    idempotencyKey: `${prefix}press`,
    visitorHash: `${prefix}visitor`,
    world: `${prefix}world`,
    attempt: `${prefix}attempt`,
  };
}

/** The fields as labels or tags. */
export function writeIdentity(identity: SessionIdentity, keys: IdentityKeys): Record<string, string> {
  return {
    [keys.id]: identity.id,
    [keys.idempotencyKey]: identity.idempotencyKey,
    [keys.visitorHash]: identity.visitorHash,
    [keys.world]: identity.world,
    [keys.attempt]: String(identity.attempt),
  };
}

/** The fields out of labels or tags; a text that is missing is empty. */
export function readIdentity(
  textOf: (key: string) => string | undefined,
  keys: IdentityKeys,
): SessionIdentity {
  return {
    id: textOf(keys.id) ?? '',
    idempotencyKey: textOf(keys.idempotencyKey) ?? '',
    visitorHash: textOf(keys.visitorHash) ?? '',
    world: textOf(keys.world) ?? '',
    attempt: Number(textOf(keys.attempt)) || 1,
  };
}

/** The fields as columns of a record: parsing one gives a `SessionIdentity`. */
export const IdentityColumns = v.pipe(
  v.object({
    id: v.string(),
    press: v.string(),
    visitor: v.string(),
    world: v.string(),
    attempt: v.number(),
  }),
  v.transform(
    ({ press, visitor, ...rest }): SessionIdentity => ({
      idempotencyKey: press,
      visitorHash: visitor,
      ...rest,
    }),
  ),
);

/** The columns of a record that holds this identity. */
export function identityColumns(identity: SessionIdentity): v.InferInput<typeof IdentityColumns> {
  const { id, idempotencyKey: press, visitorHash: visitor, world, attempt } = identity;
  return { id, press, visitor, world, attempt };
}
