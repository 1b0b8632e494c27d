import { readVersion } from '../version.ts';
import type { RunCommand } from './io.ts';

export const version: RunCommand = async ({ print }) => {
  const { version, commit } = await readVersion();
  print(`craftassist-session ${version} (commit ${commit})`);
  return 0;
};
