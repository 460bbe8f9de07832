" Vim settings for `.infer` files.
" Made by scripts/build_grammars.py from grammar/editors/vim.py: change that.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s comments=:##,:#
setlocal formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal iskeyword=@,48-57,_,192-255
setlocal suffixesadd=.infer
let &l:include = '\v^\s*import>[^"]*"'
let &l:define = '\v^\s*(import|param|let|template|deployment|route|pipeline|type|extern|cluster|gateway|test)>'
let &l:makeprg = 'inferc check %:S'
let &l:errorformat = '%Eerror[%.%#]: %m,%Wwarning[%.%#]: %m,%Inote[%.%#]: %m,%Z %#--> %f:%l:%c,%-G%.%#'

let b:undo_ftplugin = 'setlocal commentstring< comments< formatoptions< expandtab< shiftwidth<'
      \ . ' softtabstop< iskeyword< suffixesadd< include< define< makeprg< errorformat<'
