import { expect, test } from 'vitest';
import { COMMANDS, describeUnknown, findCommand } from '../../src/cli/commands.ts';
import { runCommand } from '../catalogue/support.ts';

/** What a command line prints. */
async function printed(name: string, ...words: string[]): Promise<string> {
  const command = findCommand(name, words);
  const run = await command?.load();
  if (run === undefined) throw new Error(`there is no command ${name}`);
  const { code, lines } = await runCommand(run, '/', words);
  expect(code).toBe(0);
  return lines.join('\n');
}

const OWN = COMMANDS.filter(({ name }) => !name.startsWith('-'));

test.each(OWN)(
  '$name --help tells its usage, two examples, and its exit codes',
  async ({ name, usage, summary }) => {
    const text = await printed(name, 'word', ...(name === 'console' ? [] : ['--help'])).catch(() => '');
    const help = name === 'console' ? await printed(name, '--help') : text;
    expect(help).toContain(`craftassist-session ${name}: ${summary}.`);
    expect(help.replace(' [options]', '')).toContain(`Usage: craftassist-session ${usage}\n`);
    const [, examples = ''] = /Examples:\n((?: {2}.*\n)+)/.exec(help) ?? [];
    expect(examples.match(/craftassist-session/g)?.length).toBeGreaterThanOrEqual(2);
    expect(help).toMatch(/Exit codes:\n {2}0 /);
  },
);

test('what is missing is told in the words of each command', async () => {
  for (const [name, text] of [
    ['cat', 'no such file in it'],
    ['get', 'there is no such session or bucket, or nothing of it is there'],
    ['show', 'there is no such session or bucket'],
    ['tail', 'it has no journal'],
  ] as const)
    expect(await printed(name, '--help')).toMatch(new RegExp(`^  66  .*${text}`, 'm'));
});

test('help in general lists all commands', async () => {
  const text = await printed('--help');
  for (const { usage, summary } of COMMANDS)
    expect(text).toMatch(new RegExp(`^  ${escaped(usage)} +${escaped(summary)}$`, 'm'));
});

test('an unknown command is told the nearest one, if there is one', async () => {
  expect(findCommand('shwo', [])).toBeUndefined();
  expect(await describeUnknown('recovr')).toBe(
    'unknown command "recovr": did you mean recover? See craftassist-session --help',
  );
  expect(await describeUnknown('frobnicate')).toBe(
    'unknown command "frobnicate": see craftassist-session --help',
  );
  expect(await describeUnknown('\x1b[2J')).not.toMatch(/\p{Cc}/u);
});

function escaped(text: string): string {
  return text.replace(/[[\](){}.*+?|^$\\]/g, '\\$&');
}
