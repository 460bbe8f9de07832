#!/usr/bin/env bash
# What a pull request means for requests, in Markdown: into the summary of the job, and into one comment, which is
# written anew each time. `action.yml` runs it, in a checkout, with INFERC (the command), BASE, NUMBER, COMMENT, FAIL_ON,
# FILES and GH_TOKEN.
# shellcheck disable=SC2016,SC2153
set -euo pipefail

mark="<!-- inferc: what changes for requests -->"
longest=60000 # bytes; GitHub takes 65,536 characters
text=$(mktemp)
trap 'rm -f "$text"' EXIT
read -r -a files <<< "$FILES"

git cat-file -e "$BASE^{commit}" 2>/dev/null || git fetch --quiet --depth=1 origin "$BASE"
if git diff --quiet "$BASE" HEAD -- '*.infer'; then
    echo "no .infer file differs"
    exit 0
fi

status=0
printf '%s\n### What changes for requests\n' "$mark" > "$text"
while IFS= read -r -d '' file; do
    case $file in *.infer) ;; *) continue ;; esac
    if ! git cat-file -e "$BASE:$file" 2>/dev/null; then
        printf '\n#### `%s`\n\nIt is new.\n' "$file" >> "$text"
        continue
    fi
    ended=0
    said=$("$INFERC" diff "$BASE:$file" "$file" --format markdown --fail-on "$FAIL_ON" 2>/dev/null) || ended=$?
    if [ "$ended" -gt 1 ]; then
        said="It cannot be compared: \`inferc check\` finds mistakes in it, before or after."
    elif [ "$said" = "Nothing changes for requests." ]; then
        continue
    elif [ "$ended" = 1 ]; then
        status=1
    fi
    printf '\n#### `%s`\n\n%s\n' "$file" "$said" >> "$text"
done < <(git ls-files -z -- "${files[@]}")
[ "$(wc -l < "$text")" -gt 2 ] || printf '\nNothing.\n' >> "$text"

cat "$text" >> "${GITHUB_STEP_SUMMARY:-/dev/stdout}"
if [ "$(wc -c < "$text")" -gt "$longest" ]; then
    kept=$(awk -v most="$longest" '(size += length($0) * 4 + 1) > most { exit } { print }' "$text")
    printf '%s\n\nThat is not all: the summary of the job has the rest.\n' "$kept" > "$text"
fi
comment() {
    local all="repos/$GITHUB_REPOSITORY/issues" old
    old=$(gh api --paginate "$all/$NUMBER/comments" --jq ".[] | select(.body | startswith(\"$mark\")) | .id") || return
    if [ -n "$old" ]; then
        gh api --silent --method PATCH "$all/comments/${old%%$'\n'*}" --field "body=@$text"
    else
        gh api --silent --method POST "$all/$NUMBER/comments" --field "body=@$text"
    fi
}
if [ "$COMMENT" = true ] && ! comment; then
    echo "::notice::the comment could not be written; what it would say is in the summary of the job"
fi
[ "$status" = 0 ] || echo "::error::a change is \`$FAIL_ON\` or worse: see the summary of the job"
exit "$status"
