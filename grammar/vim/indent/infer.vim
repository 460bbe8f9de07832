" Indentation of `.infer` files: what is inside brackets stands deeper.
" Made by scripts/build_grammars.py from grammar/editors/vim.py: change that.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal indentexpr=InferIndent(v:lnum) indentkeys=0},0),0],!^F,o,O
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

function! InferIndent(line) abort
  let above = prevnonblank(a:line - 1)
  let opens = getline(above) =~# '[{(\[]\s*\(#.*\)\?$'
  let closes = getline(a:line) =~# '^\s*[})\]]'
  return indent(above) + (opens - closes) * shiftwidth()
endfunction
