import { resolve } from 'node:path';
import { readVariables } from '../config/define.ts';
import { SESSION_VARIABLES } from '../config/session-variables.ts';
import { NoAnswerError, request as sendRequest } from '../control-socket/client.ts';
import type { Answer } from '../control-socket/protocol.ts';
import { EXIT_NO_ANSWER, EXIT_USAGE } from '../runtime/exit-codes.ts';
import { errorText } from '../runtime/text.ts';
import { type CommandInput, printFaults, type RunCommand } from './command.ts';

/** Sends one line to the console of the server in the running session, and prints what the server answers. */
export const console: RunCommand = async input => {
  const line = input.args.join(' ').trim();
  if (line === '') {
    input.printError(
      'write the line for the server after the command: craftassist-session console say hello',
    );
    return EXIT_USAGE;
  }
  return visit(input, { ask: 'say', line });
};

/** Tells whether a session is being played, and what it is doing: for a container's health check. */
export const health: RunCommand = async input => visit(input, { ask: 'health' });

async function visit(
  { env, cwd, print, printError }: CommandInput,
  request: Parameters<typeof sendRequest>[1],
): Promise<number> {
  const { faults, read } = readVariables(SESSION_VARIABLES, env);
  const workdir = resolve(cwd, read('SESSION_WORKDIR'));
  if (faults.length > 0) {
    printFaults(faults, printError);
    return EXIT_USAGE;
  }
  let answer: Answer | undefined;
  try {
    answer = await sendRequest(workdir, request);
  } catch (error) {
    if (error instanceof NoAnswerError) {
      printError(`a session runs in ${workdir}, but does not answer: its machine is busy, or a disk hangs`);
      return EXIT_NO_ANSWER;
    }
    printError(
      `the session in ${workdir} cannot be asked: ${errorText(error)}: run this as the session's user`,
    );
    return 1;
  }
  if (answer === undefined) {
    printError(`no session runs in ${workdir}: set SESSION_WORKDIR to the one that is meant`);
    return 1;
  }
  (answer.ok ? print : printError)(answer.text);
  return answer.ok ? 0 : 1;
}
