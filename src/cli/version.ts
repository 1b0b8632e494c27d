import { readVersion } from '../runtime/version.ts';
import type { RunCommand } from './command.ts';

export const version: RunCommand = async ({ print }) => {
  const { version, commit } = readVersion();
  print(`craftassist-session ${version} (commit ${commit})`);
  return 0;
};
