import * as v from 'valibot';
import type { StudyForm } from '../database/studies.ts';
import { newCode } from './codes.ts';
import { CODED_OUTCOMES, PLATFORMS, StudySettings } from './study.ts';

/** What a form has sent, field by field. */
export type FormFields = Readonly<Record<string, string>>;

export type ReadStudyForm =
  | { readonly kind: 'ok'; readonly form: StudyForm }
  /** Each a sentence without a stop. */
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

const MAX_TEXT = 30_000;
const Name = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, 'the study has no name'),
  v.maxLength(100, 'the name of the study is longer than 100 characters'),
);
const Text = (what: string) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, `${what} is empty`),
    v.maxLength(MAX_TEXT, `${what} is longer than ${MAX_TEXT} characters`),
  );
const Form = v.object({
  name: Name,
  settings: StudySettings,
  texts: v.object({ consent: Text('the consent'), instructions: Text('the instructions') }),
});

/** What can be chosen in this fleet. */
export interface StudyChoices {
  readonly worlds: readonly string[];
  readonly agents: readonly string[];
}

/** Reads the form of a study; all faults are told at once. */
export function readStudyForm(fields: FormFields, choices: StudyChoices): ReadStudyForm {
  const { name = '', consent = '', instructions = '' } = fields;
  const given = { name, settings: settingsIn(fields), texts: { consent, instructions } };
  const parsed = v.safeParse(Form, given);
  if (!parsed.success)
    return { kind: 'faulty', faults: [...new Set(parsed.issues.map(({ message }) => message))] };
  const faults = faultsBetween(parsed.output.settings, choices);
  return faults.length === 0 ? { kind: 'ok', form: parsed.output } : { kind: 'faulty', faults };
}

function settingsIn(fields: FormFields): Record<string, unknown> {
  const number = (name: string) => (fields[name]?.trim() ? Number(fields[name]) : undefined);
  const moment = (name: string) => (fields[name]?.trim() ? Date.parse(`${fields[name]}Z`) : undefined);
  return {
    platforms: PLATFORMS.filter(platform => fields[platform] === 'yes'),
    world: fields.world ?? '',
    agent: fields.agent || undefined,
    lengthMinutes: number('lengthMinutes'),
    minimumMinutes: number('minimumMinutes'),
    waitMinutes: number('waitMinutes'),
    sessionsPerParticipant: number('sessionsPerParticipant'),
    seats: number('seats'),
    opensMs: moment('opens'),
    closesMs: moment('closes'),
    ids: fields.ids,
    minecraftNames: fields.minecraftNames === 'yes',
    retentionDays: number('retentionDays'),
    prolificStudy: fields.prolificStudy?.trim() || undefined,
    codes: Object.fromEntries(CODED_OUTCOMES.map(outcome => [outcome, fields[`code-${outcome}`] ?? ''])),
  };
}

function faultsBetween(settings: StudySettings, { worlds, agents }: StudyChoices): string[] {
  const {
    world,
    agent,
    minimumMinutes,
    lengthMinutes,
    opensMs = 0,
    closesMs = Number.POSITIVE_INFINITY,
  } = settings;
  const codes = Object.values(settings.codes).filter(code => code !== '');
  return [
    ...(worlds.includes(world) ? [] : [`there is no world "${world}": choose one of SERVERMGR_WORLDS`]),
    ...(agent === undefined || agents.includes(agent)
      ? []
      : [`there is no agent "${agent}": choose one of SERVERMGR_AGENTS`]),
    ...(minimumMinutes <= lengthMinutes
      ? []
      : ['the time that somebody has to play is longer than a session']),
    ...(opensMs < closesMs ? [] : ['it closes before it opens']),
    ...(new Set(codes).size === codes.length
      ? []
      : ['two outcomes have the same code, so that the platform cannot tell them apart']),
    ...(settings.codes.finished === '' ? ['there is no code for those who have finished'] : []),
  ];
}

/** What a new study begins with. */
export function newStudyFields(world: string): FormFields {
  return {
    ...{ name: '', prolific: 'yes', world, agent: '', ids: 'hashed', minecraftNames: '' },
    ...{
      lengthMinutes: '30',
      minimumMinutes: '10',
      waitMinutes: '15',
      sessionsPerParticipant: '1',
      seats: '20',
    },
    ...{ opens: '', closes: '', retentionDays: '', prolificStudy: '' },
    ...Object.fromEntries(CODED_OUTCOMES.map(outcome => [`code-${outcome}`, newCode()])),
    consent: NEW_CONSENT,
    instructions: NEW_INSTRUCTIONS,
  };
}

/** The fields of a study as it is. */
export function fieldsOf({ name, settings, texts }: StudyForm): FormFields {
  const { platforms, world, agent = '', ids, retentionDays = '', prolificStudy = '', codes } = settings;
  const { lengthMinutes, minimumMinutes, waitMinutes, sessionsPerParticipant, seats } = settings;
  const numbers = {
    lengthMinutes,
    minimumMinutes,
    waitMinutes,
    sessionsPerParticipant,
    seats,
    retentionDays,
  };
  return {
    ...{ name, world, agent, ids, prolificStudy, ...texts },
    minecraftNames: settings.minecraftNames ? 'yes' : '',
    ...Object.fromEntries(platforms.map(platform => [platform, 'yes'])),
    ...Object.fromEntries(Object.entries(numbers).map(([field, value]) => [field, String(value)])),
    opens: momentField(settings.opensMs),
    closes: momentField(settings.closesMs),
    ...Object.fromEntries(CODED_OUTCOMES.map(outcome => [`code-${outcome}`, codes[outcome]])),
  };
}

/** As an input of the kind `datetime-local` has it; times are UTC's. */
function momentField(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString().slice(0, 16);
}

const NEW_CONSENT = `## About this study

*Who we are, what it is for, and whom to ask: write it here.*

You play Minecraft together with a computer program, the agent, and talk to it in the game's chat.

- We record what happens in the game: the chat, what is built, and how you move. Please write nothing personal in the chat.
- Taking part is voluntary. You can end your session at any time, without giving a reason.
- Your data are kept for *how long*, and are used for research. To have them deleted, write to *whom*.

By agreeing you say that you are 18 or older, and that you have read this.`;

const NEW_INSTRUCTIONS = `1. Open Minecraft (Java Edition), and choose *Multiplayer*, then *Direct Connection*.
2. Enter the address that you are shown on the next page.
3. Talk to the agent: press **T**, and tell it what to do. It asks when it does not understand.
4. When you have finished, leave the game, and come back to this page: it shows your code.`;
