import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

export interface Presigner {
  /** A URL that is valid for ten minutes: a browser saves the object as `fileName`. */
  urlFor(key: string, fileName: string): Promise<string>;
  close(): void;
}

const EXPIRES_S = 600;

/** Signs with the manager's own credentials, which need s3:GetObject. No request is sent to S3. */
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
