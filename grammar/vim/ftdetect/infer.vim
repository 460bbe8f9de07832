au BufRead,BufNewFile *.infer setfiletype infer
