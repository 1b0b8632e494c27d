import { VARIABLES } from '../config/servermgr-variables.ts';

/** What `--help` prints. */
export function helpText(): string {
  return [
    'servermgr: a web page with a green button that starts Craftassist sessions.',
    '',
    'Usage: node src/servermgr/main.ts [--help]',
    '',
    'It is configured by environment variables. SESSION_… variables are passed to every session;',
    'SESSION_DESTINATION is where the archives are (./sessions unless the launcher is ecs).',
    'AWS credentials and region come from the standard AWS variables, a profile, or a role.',
    ...VARIABLES.flatMap(({ title, variables }) => [
      '',
      `${title}:`,
      ...variables.flatMap(({ name, meaning, default: fallback }) => [
        '',
        `  ${name}`,
        ...wrap(`${meaning} (${fallback})`),
      ]),
    ]),
  ].join('\n');
}

/** Lines of at most 100 characters, indented. */
function wrap(text: string): string[] {
  return text.match(/.{1,94}(?:\s|$)|\S+/g)?.map(line => `      ${line.trimEnd()}`) ?? [];
}
