/** Paths that stay below the folder they are meant for. Pure; paths of the container, with `/`. */

/** Normal form without `.` and doubled slashes, '' for the folder itself; undefined when it is absolute, climbs, or no system could hold it. */
export function insidePath(text: string): string | undefined {
  if (text.startsWith('/') || text.includes('\0') || text.length > 4_096) return undefined
  const parts = text.split('/').filter(part => part !== '' && part !== '.')
  return parts.some(part => part === '..' || Buffer.byteLength(part) > 255) ? undefined : parts.join('/')
}

/** What Windows would take for something else: another drive, a stream, a folder above. */
export const isPlainName = (path: string, platform: string): boolean => platform !== 'win32' || !/[\\:*?"<>|]/.test(path)

/** A container's path in its normal form; undefined when it is none. `C:\\x` of a Windows container is `/x`. */
export function containerPath(text: string): string | undefined {
  const slashed = /^[A-Za-z]:[\\/]/.test(text) ? text.slice(2).replaceAll('\\', '/') : text
  if (!slashed.startsWith('/')) return undefined
  const inside = insidePath(slashed.replace(/^\/+/, ''))
  return inside === undefined ? undefined : `/${inside}`
}

/** The part of `path` below `folder`, undefined when it is not below it. */
export const below = (path: string, folder: string): string | undefined => {
  const start = folder === '/' ? '/' : `${folder}/`
  return path.startsWith(start) && path.length > start.length ? path.slice(start.length) : undefined
}
