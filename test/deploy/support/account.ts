import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the stand-ins of one walk share: a file with a line for each thing that there is. */
const folder = process.env.STAND_INS ?? '';
const file = join(folder, 'account');

/** What a service answers: whatever JSON has. */
type Answer = Readonly<Record<string, unknown>>;

/** Where the stand-ins put what is theirs. */
export const pathOf = (name: string) => join(folder, name);

/** Notes that there is something from now on. @throws when it has been there before. */
export function make(kind: string, name: string): void {
  if (has(kind, name)) throw new Error(`there is a ${kind} ${name} already`);
  appendFileSync(file, `${kind} ${name}\n`);
}

/** @throws when nothing has made it. */
export function need(kind: string, name: string): void {
  if (!has(kind, name)) throw new Error(`there is no ${kind} ${name} yet`);
}

export function has(kind: string, name: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').split('\n').includes(`${kind} ${name}`);
}

/** Asks a stand-in of one of AWS's services. @throws what it refuses. */
export async function ask(service: 'ECR' | 'ECS', operation: string, input: object): Promise<Answer> {
  const response = await fetch(process.env[`AWS_ENDPOINT_URL_${service}`] ?? '', {
    method: 'POST',
    headers: { 'x-amz-target': `Service.${operation}` },
    body: JSON.stringify(input),
  });
  const answer = (await response.json()) as Answer;
  if (!response.ok) throw new Error(`${operation}: ${answer.message}`);
  return answer;
}
