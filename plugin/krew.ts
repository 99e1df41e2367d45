/**
 * krew's rules for a plugin manifest and its archives, as its own source checks them (internal/index/validation, internal/installation),
 * and the manifest made from krew-manifest.yaml and package.json. Pure functions of plain objects.
 */

export interface Platform {
  readonly os: string
  readonly arch: string
}

export interface PlatformEntry {
  selector?: { matchLabels?: Record<string, string> }
  uri?: string
  sha256?: string
  bin?: string
  files?: unknown
}

export interface Manifest {
  apiVersion?: string
  kind?: string
  metadata?: { name?: string }
  spec?: {
    version?: string
    homepage?: string
    shortDescription?: string
    description?: string
    caveats?: string
    platforms?: PlatformEntry[]
  }
}

/** What the manifest takes from package.json. */
export interface Package {
  readonly version: string
  readonly repository: { readonly url: string }
}

/** What the archives are made for: Go's names. The JavaScript archive is the same for all of them. */
export const PLATFORMS: readonly Platform[] = [
  { os: 'linux', arch: 'amd64' },
  { os: 'linux', arch: 'arm64' },
  { os: 'darwin', arch: 'amd64' },
  { os: 'darwin', arch: 'arm64' }
]

export const archiveName = ({ os, arch }: Platform): string => `kubectl-intercept_${os}_${arch}.tar.gz`

/** https://github.com/OWNER/REPO, from package.json's `repository`. */
export const repositoryUrl = ({ repository }: Package): string => repository.url.replace(/^git\+/, '').replace(/\.git$/, '')

/** The manifest with version, addresses and platforms filled in; `sha256Of(platform)` gives each archive's sum. */
export function completeManifest(manifest: Manifest, packageJson: Package, sha256Of: (platform: Platform) => string): Manifest {
  const homepage = repositoryUrl(packageJson)
  const version = `v${packageJson.version}`
  const platforms = PLATFORMS.map(platform => ({
    selector: { matchLabels: { ...platform } },
    uri: `${homepage}/releases/download/${version}/${archiveName(platform)}`,
    sha256: sha256Of(platform),
    bin: 'kubectl-intercept'
  }))
  return { ...manifest, spec: { ...manifest.spec, version, homepage, platforms } }
}

const WINDOWS_DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)$/i
const SEMVER = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/
const SUPPORTED = [
  ...['386', 'amd64', 'arm64'].map(arch => `windows/${arch}`),
  ...['386', 'amd64', 'arm', 'arm64', 'ppc64le'].map(arch => `linux/${arch}`),
  ...['386', 'amd64', 'arm64'].map(arch => `darwin/${arch}`)
]

const filled = (text: unknown): text is string => typeof text === 'string' && text.trim() !== ''

const pairOf = ({ selector }: PlatformEntry): string => `${selector?.matchLabels?.['os']}/${selector?.matchLabels?.['arch']}`

function platformFindings(platform: PlatformEntry, at: number): string[] {
  const found: string[] = []
  const labels: Record<string, string> = platform.selector?.matchLabels ?? {}
  const keys = Object.keys(labels)
  if (keys.length === 0) found.push('selector must not be empty')
  if (keys.some(key => key !== 'os' && key !== 'arch')) found.push('selector may have the keys os and arch only')
  if (!SUPPORTED.some(pair => pair === pairOf(platform))) found.push(`${pairOf(platform)} is no platform of krew`)
  if (!filled(platform.uri) || !/^https:\/\/.+\.(tar\.gz|zip)$/.test(platform.uri))
    found.push('uri must be https and end in .tar.gz or .zip')
  if (!/^[a-f0-9]{64}$/.test(platform.sha256 ?? '')) found.push('sha256 must be 64 lower-case hex digits')
  if (!filled(platform.bin)) found.push('bin must be set')
  if (filled(platform.bin) && platform.bin.split('/').includes('..')) found.push('bin must not leave the plugin folder')
  if (labels['os'] === 'windows' && platform.bin?.endsWith('.exe') !== true) found.push('bin must end in .exe on Windows')
  if (platform.files !== undefined && (!Array.isArray(platform.files) || platform.files.length === 0))
    found.push('files must be absent or not empty')
  return found.map(finding => `platforms[${at}]: ${finding}`)
}

/** Everything krew (and krew-index) would refuse in this manifest; empty when it is valid. */
export function manifestFindings(manifest: Manifest): string[] {
  const found: string[] = []
  const { metadata = {}, spec = {} } = manifest
  if (manifest.apiVersion !== 'krew.googlecontainertools.github.com/v1alpha2')
    found.push('apiVersion must be krew.googlecontainertools.github.com/v1alpha2')
  if (manifest.kind !== 'Plugin') found.push('kind must be Plugin')
  if (!/^[\w-]+$/.test(metadata.name ?? '') || WINDOWS_DEVICES.test(metadata.name ?? '')) found.push('metadata.name is no safe plugin name')
  if (!SEMVER.test(spec.version ?? '')) found.push('spec.version must be v and a semantic version')
  if (!filled(spec.shortDescription) || /[\r\n]/.test(spec.shortDescription.trim())) found.push('spec.shortDescription must be one line')
  if (!filled(spec.description)) found.push('spec.description must be set')
  if (spec.homepage?.startsWith('https://') !== true) found.push('spec.homepage must be an https address')
  const platforms = spec.platforms ?? []
  if (platforms.length === 0) found.push('spec.platforms must not be empty')
  const pairs = platforms.map(pairOf)
  if (new Set(pairs).size !== pairs.length) found.push('two platforms match the same system')
  return [...found, ...platforms.flatMap(platformFindings)]
}

/** Everything krew would refuse in an archive with these entries (`{ path, type }`, type `file` or `dir`), installed with this `bin`. */
export function archiveFindings(entries: readonly { path: string; type: string }[], bin: string): string[] {
  const found: string[] = []
  for (const { path, type } of entries) {
    if (path.startsWith('/') || path.includes('..')) found.push(`${path}: may not be absolute or contain ..`)
    if (type !== 'file' && type !== 'dir') found.push(`${path}: only files and folders are allowed`)
  }
  if (!entries.some(({ path, type }) => type === 'file' && path === bin)) found.push(`${bin} is not in the archive`)
  if (!entries.some(({ path }) => /^(LICENSE|COPYING)(\.|$)/.test(path))) found.push('there is no LICENSE in the archive')
  return found
}
