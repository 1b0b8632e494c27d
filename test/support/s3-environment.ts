interface S3Address {
  readonly url: string;
  /** Default: one that every S3 of the tests takes which takes any. */
  readonly accessKey?: string | undefined;
}

/** The variables of a supervisor that saves to the tests' S3. */
export function s3Environment({ url, accessKey }: S3Address): Record<string, string> {
  return {
    SESSION_DESTINATION: 's3://bucket/sessions',
    SESSION_S3_PATH_STYLE: '1',
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKey ?? 'AKIDSESSIONS',
    AWS_SECRET_ACCESS_KEY: 'sessions',
  };
}
