import tseslint from "typescript-eslint";

export default tseslint.config(tseslint.configs.strictTypeChecked, {
	languageOptions: {
		parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
	},
	rules: {
		"@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
		"@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
		"@typescript-eslint/no-non-null-assertion": "off",
		"max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
	},
});
