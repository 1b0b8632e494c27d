import { parseRemote } from '../ecr/registry.ts';
import type { Environment } from '../run-main.ts';

/** Docker's platforms, and what ECS calls their processors. */
const ARCHITECTURES: Readonly<Record<string, string>> = { 'linux/amd64': 'X86_64', 'linux/arm64': 'ARM64' };

/** The placeholders in the files of deploy/, and where their values come from. */
const SOURCES: Readonly<Record<string, { find: (env: Environment) => string | undefined; remedy: string }>> =
  {
    ACCOUNT: {
      find: env => env.AWS_ACCOUNT_ID || remoteOf(env)?.account,
      remedy: 'write AWS_ACCOUNT_ID=<twelve digits>, or REMOTE',
    },
    REGION: {
      find: env => env.AWS_REGION || env.AWS_DEFAULT_REGION || remoteOf(env)?.region,
      remedy: 'write AWS_REGION=<region>, or REMOTE',
    },
    IMAGE: {
      find: env => env.IMAGE || (env.REMOTE && `${env.REMOTE}/craftassist:latest`),
      remedy: 'write IMAGE=<image>, or REMOTE for its craftassist:latest',
    },
    ARCHITECTURE: {
      find: env => ARCHITECTURES[env.PLATFORM || 'linux/amd64'],
      remedy: `write PLATFORM=<${Object.keys(ARCHITECTURES).join(' or ')}>`,
    },
    BUCKET: { find: env => env.BUCKET, remedy: 'write BUCKET=<bucket>' },
    // Stands without quotes: the file is no JSON before it is filled in, so that it cannot be applied as it is, which
    // S3 would accept: `${PREFIX}` could be a prefix.
    UPLOAD_DAYS: { find: env => env.UPLOAD_DAYS || '2', remedy: 'write UPLOAD_DAYS=<days>' },
    PREFIX: { find: env => env.PREFIX || 'turk_interactions_with_agent', remedy: 'write PREFIX=<prefix>' },
  };

/**
 * Replaces every `${NAME}` in a file of deploy/, which is JSON then.
 * @throws with every name that has no value, each with its remedy.
 */
export function fill(text: string, env: Environment): string {
  const faults = new Set<string>();
  const filled = text.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    try {
      return JSON.stringify(lookUp(name, env)).slice(1, -1);
    } catch (fault) {
      faults.add((fault as Error).message);
      return '';
    }
  });
  if (faults.size > 0) throw new Error([...faults].join('\n'));
  try {
    JSON.parse(filled);
  } catch (cause) {
    throw new Error(`what is filled in is no JSON: ${(cause as Error).message}`, { cause });
  }
  return filled;
}

/** The value of one placeholder. @throws with the remedy when the environment has none. */
export function lookUp(name: string, env: Environment): string {
  const { find, remedy } = SOURCES[name] ?? { find: () => env[name], remedy: `write ${name}=…` };
  const value = find(env);
  if (!value) throw new Error(`${name} is not known: ${remedy}`);
  if (value.includes('${')) throw new Error(`${name} is itself a placeholder, ${value}: ${remedy}`);
  return value;
}

function remoteOf({ REMOTE }: Environment) {
  return REMOTE ? parseRemote(REMOTE) : undefined;
}
