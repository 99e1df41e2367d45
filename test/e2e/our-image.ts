/** The image of our server and sidecar, in the cluster's registry, and the article's manifests with only `image:` changed. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ARTICLE } from './world.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const IMAGE = 'kubectl-intercept:latest'
/** As the manifests of plugin/manifests call it. */
export const PUBLISHED = 'ghcr.io/kubectl-intercept/kubectl-intercept'

export const manifest = (name: string): string => readFileSync(path.join(root, 'plugin', 'manifests', name), 'utf8')

export function loadOurImage(name = IMAGE): void {
  const layout = path.join(root, 'dist', 'image')
  if (!existsSync(layout)) execFileSync(process.execPath, [path.join(root, 'plugin', 'run.mjs'), 'image'], { stdio: 'pipe' })
  execFileSync(path.join(root, 'test', 'cluster', 'load'), [name, layout], { stdio: 'pipe' })
}

export const ourArticle = (manifests = ARTICLE): string => manifests.replaceAll('image: gogost/gost', `image: ${IMAGE}`)
