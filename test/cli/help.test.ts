import { expect, test } from 'vitest';
import type { CommandInput } from '../../src/cli/command.ts';
import { COMMANDS, describeUnknown, findCommand } from '../../src/cli/commands.ts';

/** What a command line prints. */
async function printed(name: string, ...words: string[]): Promise<string> {
  const command = findCommand(name, words);
  const run = await command?.load();
  const lines: string[] = [];
  // Help needs nothing else of its process.
  expect(await run?.({ print: (line: string) => lines.push(line) } as unknown as CommandInput)).toBe(0);
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
