export function ReleasesPage() {
  return <h1 className="text-lg font-semibold">Releases</h1>;
}
