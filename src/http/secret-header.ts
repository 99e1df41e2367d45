/** Headers whose values are secrets whoever sends them. */

const NAMES = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key', 'x-auth-token', 'x-amz-security-token']
export const SECRET_HEADERS: ReadonlySet<string> = new Set(NAMES)
