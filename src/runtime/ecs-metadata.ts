import * as v from 'valibot';
import { timeoutSignal } from './abort.ts';

const TaskMetadata = v.object({
  Cluster: v.string(),
  TaskARN: v.string(),
  Family: v.string(),
  Revision: v.string(),
  AvailabilityZone: v.optional(v.string()),
  LaunchType: v.optional(v.string()),
  Limits: v.optional(v.record(v.string(), v.number())),
  EphemeralStorageMetrics: v.optional(v.record(v.string(), v.number())),
});

export type EcsTask = v.InferOutput<typeof TaskMetadata>;

const TIMEOUT_MS = 2_000;

/**
 * The ECS task that this process runs in, by the task metadata endpoint version 4.
 * @param metadataUri the value of ECS_CONTAINER_METADATA_URI_V4
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
 * @throws when the endpoint does not answer within 2 s as documented
 */
export async function readEcsTask(metadataUri: string): Promise<EcsTask> {
  const response = await fetch(`${metadataUri}/task`, { signal: timeoutSignal(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the ECS metadata endpoint answered ${response.status}`);
  return v.parse(TaskMetadata, await response.json());
}
