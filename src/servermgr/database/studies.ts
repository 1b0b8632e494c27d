import type { Selectable } from 'kysely';
import * as v from 'valibot';
import { type Study, StudySettings, type StudyTexts } from '../studies/study.ts';
import type { Database } from './database.ts';
import type { StudiesTable } from './schema.ts';

/** What a form says of a study. */
export interface StudyForm {
  readonly name: string;
  readonly settings: StudySettings;
  readonly texts: Omit<StudyTexts, 'version'>;
}

/** The studies, and every version of their texts. Each call is one transaction or statement. */
export interface Studies {
  all(): Promise<readonly Study[]>;
  find(number: number): Promise<Study | undefined>;
  texts(number: number, version: number): Promise<StudyTexts | undefined>;
  /** @returns its number */
  create(form: StudyForm, nowMs: number): Promise<number>;
  /** Texts that have changed become a new version: who has consented has consented to the old one. */
  change(study: Study, form: StudyForm, nowMs: number): Promise<void>;
  /** @param closedMs undefined: it is opened again */
  setClosed(number: number, closedMs: number | undefined): Promise<void>;
  /** Withdraws all links that were signed so far. */
  withdrawLinks(study: Study): Promise<void>;
}

export function openStudies({ db, transaction }: Database): Studies {
  async function texts(number: number, version: number): Promise<StudyTexts | undefined> {
    return db
      .selectFrom('study_texts')
      .select(['version', 'consent', 'instructions'])
      .where('study', '=', number)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  return {
    async all() {
      const rows = await db.selectFrom('studies').selectAll().orderBy('number', 'desc').execute();
      return rows.map(studyOf);
    },

    async find(number) {
      const row = await db.selectFrom('studies').selectAll().where('number', '=', number).executeTakeFirst();
      return row === undefined ? undefined : studyOf(row);
    },

    texts,

    create: ({ name, settings, texts: { consent, instructions } }, nowMs) =>
      transaction(async tx => {
        const { number } = await tx
          .insertInto('studies')
          .values({
            ...{ name, settings: JSON.stringify(settings), text_version: 1, link_key: 1 },
            ...{ closed_ms: null, created_ms: nowMs },
          })
          .returning('number')
          .executeTakeFirstOrThrow();
        await tx
          .insertInto('study_texts')
          .values({ study: number, version: 1, consent, instructions, created_ms: nowMs })
          .execute();
        return number;
      }),

    change: ({ number }, { name, settings, texts: { consent, instructions } }, nowMs) =>
      transaction(async tx => {
        const newest = await tx
          .selectFrom('study_texts')
          .select(['version', 'consent', 'instructions'])
          .where('study', '=', number)
          .orderBy('version', 'desc')
          .executeTakeFirstOrThrow();
        const isNew = newest.consent !== consent || newest.instructions !== instructions;
        const version = isNew ? newest.version + 1 : newest.version;
        if (isNew)
          await tx
            .insertInto('study_texts')
            .values({ study: number, version, consent, instructions, created_ms: nowMs })
            .execute();
        await tx
          .updateTable('studies')
          .set({ name, settings: JSON.stringify(settings), text_version: version })
          .where('number', '=', number)
          .execute();
      }),

    async setClosed(number, closedMs) {
      await db
        .updateTable('studies')
        .set({ closed_ms: closedMs ?? null })
        .where('number', '=', number)
        .execute();
    },

    async withdrawLinks({ number, linkKey }) {
      await db
        .updateTable('studies')
        .set({ link_key: linkKey + 1 })
        .where('number', '=', number)
        .where('link_key', '=', linkKey)
        .execute();
    },
  };
}

const Stored = v.pipe(v.string(), v.parseJson(), StudySettings);

/** @throws when its settings were written by a later version, which this one would misread */
function studyOf(row: Selectable<StudiesTable>): Study {
  const settings = v.safeParse(Stored, row.settings);
  if (!settings.success)
    throw new Error(`the settings of study ${row.number} cannot be read`, {
      cause: new v.ValiError(settings.issues),
    });
  return {
    ...{ number: row.number, name: row.name, settings: settings.output },
    ...{ textVersion: row.text_version, linkKey: row.link_key },
    closedMs: row.closed_ms ?? undefined,
    createdMs: row.created_ms,
  };
}
