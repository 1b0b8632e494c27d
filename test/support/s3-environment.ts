/** The variables of a supervisor that saves to the tests' S3. */
export function s3Environment({ url }: { readonly url: string }): Record<string, string> {
  return {
    SESSION_DESTINATION: 's3://bucket/sessions',
    SESSION_S3_PATH_STYLE: '1',
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDSESSIONS',
    AWS_SECRET_ACCESS_KEY: 'sessions',
  };
}
