import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

export interface Presigner {
  /** A URL that fetches one object, for ten minutes, as a file of that name. */
  urlFor(key: string, fileName: string): Promise<string>;
  close(): void;
}

const EXPIRES_S = 600;

/** Signs with the manager's own rights: it needs s3:GetObject, and asks nothing of the bucket. */
export function openPresigner(
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  { pathStyle }: { readonly pathStyle: boolean },
): Presigner {
  const client = new S3Client({ forcePathStyle: pathStyle });
  return {
    urlFor: (key, fileName) =>
      getSignedUrl(
        client,
        new GetObjectCommand({
          Bucket: bucket,
          Key: prefix === '' ? key : `${prefix}/${key}`,
          ResponseContentDisposition: `attachment; filename="${fileName.replaceAll(/[^\w.-]/g, '_')}"`,
        }),
        { expiresIn: EXPIRES_S },
      ),
    close: () => client.destroy(),
  };
}
