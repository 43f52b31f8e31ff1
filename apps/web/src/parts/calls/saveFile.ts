/** Gives a text to the viewer as a file. */
export function saveFile(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name.replaceAll(/[^\w.-]/g, '-')
  link.click()
  URL.revokeObjectURL(url)
}
