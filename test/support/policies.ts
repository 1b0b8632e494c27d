import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fill } from '../../scripts/ecs/placeholders.ts';
import type { Policy } from './s3/policy.ts';

const DEPLOY = resolve(import.meta.dirname, '../../deploy');

/** A policy of deploy/ as it is applied, for what the tests save to `s3://bucket/sessions`. */
export function policyOf(file: string): Policy {
  const text = readFileSync(resolve(DEPLOY, file), 'utf8');
  const values = {
    BUCKET: 'bucket',
    PREFIX: 'sessions',
    AWS_ACCOUNT_ID: '1'.repeat(12),
    AWS_REGION: 'us-east-1',
  };
  return JSON.parse(fill(text, values));
}

/** The same without what one statement allows, or without one of its actions. */
export function without({ Statement }: Policy, sid: string, action?: string): Policy {
  const isMeant = (statement: Policy['Statement'][number]) => statement.Sid === sid;
  if (!Statement.some(isMeant)) throw new Error(`no statement is called ${sid}`);
  if (action === undefined) return { Statement: Statement.filter(statement => !isMeant(statement)) };
  return {
    Statement: Statement.map(statement =>
      isMeant(statement)
        ? { ...statement, Action: [statement.Action].flat().filter(name => name !== action) }
        : statement,
    ),
  };
}
